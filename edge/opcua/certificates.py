"""The certificates of a collector's OPC UA side, as files that people can see and move.

Belongs here: the collector's own certificate, made once and never again while it exists; which
servers are trusted; when certificates end. Files are read anew at every connection, so that a
renewal needs no restart. Endpoints and sessions are `edge.opcua.connection`.
"""

import os
import socket
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from asyncua.crypto import cert_gen
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from edge.opcua.errors import SourceLostError

_VALID_DAYS = 5 * 365
_MIN_KEY_BITS = 2_048
_WARN_BEFORE = timedelta(days=30)
_MOST_REJECTED = 100
_PEM = b"-----BEGIN"


class CertificateError(SourceLostError):
    """A certificate or key is missing, unreadable, expired or not trusted."""


@dataclass(frozen=True)
class Identity:
    """A certificate with its private key.

    Attributes:
        certificate: Who somebody is.
        private_key: PEM, PKCS 8.
        file: Where the certificate lies, for messages.
    """

    certificate: x509.Certificate
    private_key: bytes
    file: Path

    @property
    def application_uri(self) -> str:
        """The URI among its names; servers compare it with what the client calls itself."""
        uris = _names(self.certificate, x509.UniformResourceIdentifier)
        if not uris:
            raise CertificateError(f"{self.file} names no application URI; make one that does")
        return uris[0]


class CertificateFolder:
    """`own/`, `trusted/` and `rejected/` in a collector's folder.

    Args:
        folder: Made when it is first needed.
        application_uri: What a certificate made here calls the collector.
    """

    def __init__(self, folder: Path, application_uri: str) -> None:
        self._folder = folder
        self._application_uri = application_uri
        self._making = threading.Lock()

    @property
    def has_own(self) -> bool:
        """Whether the collector's certificate has been made."""
        return (self._folder / "own" / "certificate.der").exists()

    def own(self) -> Identity:
        """The collector's certificate; made now if there is none.

        Raises:
            CertificateError: It cannot be read, or its key is gone.
        """
        certificate = self._folder / "own" / "certificate.der"
        key = self._folder / "own" / "private_key.pem"
        with self._making:
            if not certificate.exists():
                self._make(certificate, key)
        return load_identity(certificate, key)

    def require_trusted(
        self, certificate: x509.Certificate, server: str, trusted: Path | None = None
    ) -> None:
        """Accept a server's certificate that lies in the folder of trusted ones.

        One that was signed by an authority in there is trusted as well.

        Args:
            certificate: What the server shows.
            server: Its endpoint, for messages.
            trusted: Another folder than `trusted/`.

        Raises:
            CertificateError: It is expired or not trusted; says what to do.
        """
        _require_valid(certificate, f"the certificate of {server}", "renew it on the server")
        folder = trusted or self._folder / "trusted"
        folder.mkdir(parents=True, exist_ok=True)
        if any(_vouches(known, certificate) for known in _certificates(folder)):
            return
        shown = self._keep_rejected(certificate)
        raise CertificateError(
            f"the certificate of {server} is not trusted: compare its SHA-256 fingerprint"
            f" {fingerprint(certificate)} with the server's, then move {shown} to {folder}"
        )

    def _make(self, certificate: Path, key: Path) -> None:
        certificate.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if key.exists():
            private = serialization.load_pem_private_key(key.read_bytes(), None)
            if not isinstance(private, rsa.RSAPrivateKey):
                raise CertificateError(f"{key} is no RSA key; remove it to have one made")
        else:
            private = cert_gen.generate_private_key()
            _write(key, cert_gen.dump_private_key_as_pem(private))
        made = cert_gen.generate_self_signed_app_certificate(
            private,
            f"takt {self._application_uri.rpartition(':')[2]}"[:64],
            {},
            [
                x509.UniformResourceIdentifier(self._application_uri),
                x509.DNSName(socket.gethostname()),
            ],
            [ExtendedKeyUsageOID.CLIENT_AUTH],
            days=_VALID_DAYS,
        )
        _write(certificate, made.public_bytes(serialization.Encoding.DER))

    def _keep_rejected(self, certificate: x509.Certificate) -> Path:
        folder = self._folder / "rejected"
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{fingerprint(certificate)[:16].lower()}.der"
        if not file.exists():
            oldest_first = sorted(folder.glob("*.der"), key=lambda known: known.stat().st_mtime)
            for surplus in oldest_first[: len(oldest_first) - _MOST_REJECTED + 1]:
                surplus.unlink()
            _write(file, certificate.public_bytes(serialization.Encoding.DER))
        return file


def load_identity(certificate: Path, key: Path) -> Identity:
    """A certificate and its key from DER or PEM files.

    Raises:
        CertificateError: A file is missing, unreadable, expired, or they do not belong together.
    """
    try:
        found = _load_certificate(certificate.read_bytes())
        content = key.read_bytes()
        load = serialization.load_der_private_key
        if content.startswith(_PEM):
            load = serialization.load_pem_private_key
        private = load(content, None)
    except OSError as error:
        raise CertificateError(f"{error.filename}: {error.strerror}; put the file there") from error
    except (ValueError, TypeError) as error:
        raise CertificateError(
            f"{certificate} or {key} is neither DER nor PEM without password ({error})"
        ) from error
    _require_valid(found, str(certificate), "replace it and its key, no restart is needed")
    if not isinstance(private, rsa.RSAPrivateKey) or private.key_size < _MIN_KEY_BITS:
        raise CertificateError(f"{key} is no RSA key of at least {_MIN_KEY_BITS} bits")
    if private.public_key() != found.public_key():
        raise CertificateError(f"{key} is not the key of {certificate}")
    return Identity(found, cert_gen.dump_private_key_as_pem(private), certificate)


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of the certificate, as servers and tools show it, without colons."""
    return certificate.fingerprint(hashes.SHA256()).hex().upper()


def ends_soon(certificate: x509.Certificate, now: datetime) -> bool:
    """Whether it ends within 30 days."""
    return ends_soon_at(certificate.not_valid_after_utc, now)


def ends_soon_at(ends_at: datetime, now: datetime) -> bool:
    """Whether what is valid until `ends_at` ends within 30 days."""
    return ends_at - now < _WARN_BEFORE


def ending(ends_at: datetime) -> str:
    """When it ends or has ended, for messages."""
    verb = "ends" if ends_at > datetime.now(UTC) else "expired"
    return f"{verb} on {ends_at:%Y-%m-%d}"


def _require_valid(certificate: x509.Certificate, what: str, remedy: str) -> None:
    now = datetime.now(UTC)
    starts, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if ends <= now:
        raise CertificateError(f"{what} expired on {ends:%Y-%m-%d %H:%M} UTC; {remedy}")
    if starts > now:
        raise CertificateError(
            f"{what} is not valid before {starts:%Y-%m-%d %H:%M} UTC; look at the clocks"
        )


def _vouches(known: x509.Certificate, certificate: x509.Certificate) -> bool:
    if known == certificate:
        return True
    now = datetime.now(UTC)
    if not known.not_valid_before_utc <= now < known.not_valid_after_utc or not _signs(known):
        return False
    try:
        certificate.verify_directly_issued_by(known)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _signs(certificate: x509.Certificate) -> bool:
    """Whether it is an authority's, not an application's that merely calls itself one."""
    extensions = certificate.extensions
    try:
        is_authority = extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        may_sign = extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    except x509.ExtensionNotFound:
        return False
    return is_authority and may_sign and not _names(certificate, x509.UniformResourceIdentifier)


def _names(certificate: x509.Certificate, kind: type[x509.UniformResourceIdentifier]) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return found.value.get_values_for_type(kind)


def _certificates(folder: Path) -> list[x509.Certificate]:
    found = []
    for file in sorted(folder.iterdir()):
        try:
            found.append(_load_certificate(file.read_bytes()))
        except (ValueError, OSError):
            # What is no certificate vouches for nobody.
            continue
    return found


def _load_certificate(content: bytes) -> x509.Certificate:
    if content.startswith(_PEM):
        return x509.load_pem_x509_certificate(content)
    return x509.load_der_x509_certificate(content)


def _write(file: Path, content: bytes) -> None:
    """Whole or not at all, and for nobody else to read."""
    aside = file.with_suffix(".new")
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
    aside.replace(file)
