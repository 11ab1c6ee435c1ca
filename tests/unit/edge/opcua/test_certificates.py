from datetime import UTC, datetime, timedelta

import pytest
from asyncua.crypto import cert_gen
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from edge.opcua.certificates import CertificateError, CertificateFolder, load_identity

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def keys():
    return [cert_gen.generate_private_key() for _ in range(2)]


def certificate(
    key, issuer=None, *, name: str = "press", ca: bool = False, uri: str | None = None, days=400
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    by, signing = issuer or (subject, key)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=30))
        .not_valid_after(NOW + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(*[True] * 6, False, False, False), critical=True)
    )
    if uri:
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(signing, hashes.SHA256())


def is_trusted(folder, known: x509.Certificate, shown: x509.Certificate) -> bool:
    (folder / "trusted").mkdir(exist_ok=True)
    (folder / "trusted" / "known.pem").write_bytes(known.public_bytes(Encoding.PEM))
    try:
        CertificateFolder(folder, "urn:takt").require_trusted(shown, "opc.tcp://plc7")
    except CertificateError:
        return False
    return True


def test_an_authority_in_the_trusted_folder_vouches_for_what_it_signed(tmp_path, keys):
    authority = certificate(keys[0], name="plant authority", ca=True)
    signed = certificate(keys[1], (authority.subject, keys[0]))

    assert is_trusted(tmp_path, authority, signed)
    assert not is_trusted(tmp_path, authority, certificate(keys[1]))


@pytest.mark.parametrize(
    "options", [{"ca": False}, {"ca": True, "uri": "urn:plc1"}, {"ca": True, "days": -1}]
)
def test_an_application_or_an_expired_authority_vouches_for_nobody(tmp_path, keys, options):
    known = certificate(keys[0], name="plc1", **options)
    signed = certificate(keys[1], (known.subject, keys[0]))

    assert not is_trusted(tmp_path, known, signed)


def test_a_forged_signature_is_not_trusted(tmp_path, keys):
    authority = certificate(keys[0], name="plant authority", ca=True)
    forged = certificate(keys[1], (authority.subject, keys[1]))

    assert not is_trusted(tmp_path, authority, forged)


def test_rejected_certificates_do_not_fill_the_disk(tmp_path, keys, monkeypatch):
    monkeypatch.setattr("edge.opcua.certificates._MOST_REJECTED", 3)
    folder = CertificateFolder(tmp_path, "urn:takt")
    for number in range(5):
        with pytest.raises(CertificateError, match="is not trusted"):
            folder.require_trusted(certificate(keys[0], name=f"plc{number}"), "opc.tcp://plc7")

    assert len(list((tmp_path / "rejected").iterdir())) == 3


def test_a_certificate_without_its_key_is_never_made_anew(tmp_path):
    folder = CertificateFolder(tmp_path, "urn:takt:demo:collector1")
    before = folder.own().certificate
    (tmp_path / "own/private_key.pem").unlink()

    with pytest.raises(CertificateError, match=r"private_key\.pem: No such file.*put the file"):
        folder.own()
    assert before == x509.load_der_x509_certificate((tmp_path / "own/certificate.der").read_bytes())


def test_a_key_is_used_again_when_its_certificate_is_removed(tmp_path):
    folder = CertificateFolder(tmp_path, "urn:takt:demo:collector1")
    before = folder.own()
    before.file.unlink()

    renewed = folder.own()

    assert renewed.private_key == before.private_key
    assert renewed.certificate != before.certificate


def write(folder, made: x509.Certificate, key) -> tuple:
    files = folder / "a.der", folder / "a.pem"
    files[0].write_bytes(made.public_bytes(Encoding.DER))
    files[1].write_bytes(cert_gen.dump_private_key_as_pem(key))
    return files


def test_what_does_not_fit_is_one_clear_line(tmp_path, keys):
    short = rsa.generate_private_key(65537, 1024)  # noqa: S505 -- that is the point
    with pytest.raises(CertificateError, match="is not the key of"):
        load_identity(*write(tmp_path, certificate(keys[0]), keys[1]))
    with pytest.raises(CertificateError, match="at least 2048 bits"):
        load_identity(*write(tmp_path, certificate(short), short))
    with pytest.raises(CertificateError, match=r"expired on .* replace it"):
        load_identity(*write(tmp_path, certificate(keys[0], days=-1), keys[0]))
    with pytest.raises(CertificateError, match="names no application URI"):
        _ = load_identity(*write(tmp_path, certificate(keys[0]), keys[0])).application_uri
