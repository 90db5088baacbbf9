"""Makes the practice org's private certificate authority and the server certificate that it signs.

The authority is constrained by name to loopback, its key never leaves the data directory (mode 0600), and clients are
given its certificate as a file to trust for this one server; nobody has to touch a system store. Only where it is
asked for does it also sign Salesforce's own host names, for tests of clients that have a sign-in address built in.
"""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LOOPBACK_NAMES: tuple[x509.GeneralName, ...] = (
    x509.DNSName("localhost"),
    x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    x509.IPAddress(ipaddress.ip_address("::1")),
)
_CONSTRAINED_TO: tuple[x509.GeneralName, ...] = (
    x509.DNSName("localhost"),
    x509.IPAddress(ipaddress.ip_network("127.0.0.1/32")),
    x509.IPAddress(ipaddress.ip_network("::1/128")),
)
_SALESFORCE_NAMES = ("login.salesforce.com", "test.salesforce.com", "*.my.salesforce.com")
_SALESFORCE_DOMAIN = "salesforce.com"
_AUTHORITY_LIFE = timedelta(days=3650)
_SERVER_LIFE = timedelta(days=397)


@dataclass(frozen=True, slots=True)
class ServerFiles:
    """Where the certificates and keys of one data directory lie."""

    ca_file: Path
    certificate: Path
    key: Path


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner may read, whatever the umask, replacing an older one in one step."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as handle:
        handle.write(data)
    fresh.replace(path)


def server_files(directory: Path, *, salesforce_names: bool = False) -> ServerFiles:
    """Make or reuse the authority in `directory`, and sign a fresh server certificate with it.

    Args:
        directory: Where certificates and keys lie.
        salesforce_names: Whether the certificate also holds for the names of Salesforce's sign-in hosts. An authority
            that was made for the other case is not reused: what it may sign is part of it.
    """
    key, certificate = _authority(directory, salesforce_names)
    return _server(directory, key, certificate, salesforce_names)


def _allowed(salesforce_names: bool) -> list[x509.GeneralName]:
    extra = [x509.DNSName(_SALESFORCE_DOMAIN)] if salesforce_names else []
    return [*_CONSTRAINED_TO, *extra]


def _names(salesforce_names: bool) -> list[x509.GeneralName]:
    extra = [x509.DNSName(name) for name in _SALESFORCE_NAMES] if salesforce_names else []
    return [*LOOPBACK_NAMES, *extra]


def jwt_key_pair(directory: Path) -> tuple[Path, Path]:
    """Make or reuse the RSA key of the JWT bearer flow: private key and certificate, as a connected app has them."""
    key_file, certificate_file = directory / "jwt.key", directory / "jwt.crt"
    if not (key_file.exists() and certificate_file.exists()):
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = _name("Practice org JWT client")
        certificate = _builder(name, name, key.public_key(), _AUTHORITY_LIFE).sign(key, hashes.SHA256())
        write_private(key_file, _private_bytes(key))
        certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return key_file, certificate_file


def signing_key(directory: Path) -> Path:
    """Make or reuse the RSA key that signs what the org says about its users (``id_token``)."""
    key_file = directory / "openid.key"
    if not key_file.exists():
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        write_private(key_file, _private_bytes(key))
    return key_file


def _fits(certificate: x509.Certificate, salesforce_names: bool) -> bool:
    """Whether an authority may sign just what is wanted, no less and no more."""
    constraints = certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    return list(constraints.permitted_subtrees or []) == _allowed(salesforce_names)


def _authority(directory: Path, salesforce_names: bool) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key_file, certificate_file = directory / "ca.key", directory / "ca.pem"
    if key_file.exists() and certificate_file.exists():
        key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
        kept = x509.load_pem_x509_certificate(certificate_file.read_bytes())
        if isinstance(key, ec.EllipticCurvePrivateKey) and _fits(kept, salesforce_names):
            return key, kept
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Practice org private CA")
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    certificate = (
        _builder(name, name, key.public_key(), _AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.NameConstraints(_allowed(salesforce_names), None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    write_private(key_file, _private_bytes(key))
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return key, certificate


def _server(
    directory: Path, ca_key: ec.EllipticCurvePrivateKey, ca: x509.Certificate, salesforce_names: bool
) -> ServerFiles:
    key = ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
    certificate = (
        _builder(_name("localhost"), ca.subject, key.public_key(), _SERVER_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(_names(salesforce_names)), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    files = ServerFiles(directory / "ca.pem", directory / "server.pem", directory / "server.key")
    write_private(files.key, _private_bytes(key))
    files.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return files


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    life: timedelta,
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + life)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _private_bytes(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
