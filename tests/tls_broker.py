"""A real Mosquitto that asks for certificates, and the authority that makes them."""

import datetime as dt
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.conftest import Mosquitto

Key = ec.EllipticCurvePrivateKey
PEM = serialization.Encoding.PEM


def certificate(
    name: str, key: Key, issuer: str, issuer_key: Key, days: float = 400
) -> x509.Certificate:
    """Valid until `days` from now; an authority when it is its own issuer."""
    now = dt.datetime.now(dt.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issued_by = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)])
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issued_by)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=30))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=name == issuer, path_length=None), critical=True)
        .add_extension(address, critical=False)
        .sign(issuer_key, hashes.SHA256())
    )


class Authority:
    """Makes certificates as files of one folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.ca_file = folder / "ca.crt"
        own = certificate("plant", self._key, "plant", self._key)
        self.ca_file.write_bytes(own.public_bytes(PEM))

    def issue(self, name: str, days: float = 400) -> tuple[Path, Path]:
        """Certificate and key of `name`."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = certificate(name, key, "plant", self._key, days)
        files = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        files[0].write_bytes(made.public_bytes(PEM))
        files[1].write_bytes(
            key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        return files


class TlsMosquitto(Mosquitto):
    """Lets in whoever shows a certificate of its authority."""

    def __init__(self, folder: Path, broker_days: float = 400) -> None:
        super().__init__(folder)
        self.authority = Authority(folder)
        self._files = self.authority.issue("broker", broker_days)

    @property
    def ca_file(self) -> Path:
        return self.authority.ca_file

    def settings(self) -> str:
        certificate, key = self._files
        return (
            f"cafile {self.ca_file}\ncertfile {certificate}\nkeyfile {key}\n"
            "require_certificate true\nuse_identity_as_username true\n"
        )

    def keys(self, name: str, days: float = 400, ca_file: Path | None = None) -> str:
        """The lines of a source that is let in as `name`."""
        certificate, key = self.authority.issue(name, days)
        files = {
            "ca_file": ca_file or self.ca_file, "certificate_file": certificate, "key_file": key
        }  # fmt: skip
        return "\n".join(f'{name} = "{file}"' for name, file in files.items())
