"""Authorities and certificates for tests of TLS."""

import datetime
import ipaddress
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST: Final = "127.0.0.1"
NOW: Final = datetime.datetime(2026, 1, 1)  # noqa: DTZ001, certificates take UTC without a zone


class Authority:
    """Signs certificates for tests."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self._sign(self._name, self._key, HOST, is_authority=True)

    def _sign(
        self, name: x509.Name, key: ec.EllipticCurvePrivateKey, address: str, *, is_authority: bool
    ) -> x509.Certificate:
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW)
            .not_valid_after(NOW.replace(year=2046))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(names, critical=False)
            .sign(self._key, hashes.SHA256())
        )

    def issue(self, folder: Path, name: str, *, address: str = HOST) -> tuple[str, str]:
        """Certificate and private key of `name` as PEM, also as files `NAME.pem` and `NAME.key`."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = pem(self._sign(subject, key, address, is_authority=False))
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        (folder / f"{name}.pem").write_text(certificate)
        (folder / f"{name}.key").write_text(private)
        (folder / f"{name}.key").chmod(0o600)
        return certificate, private


def pem(certificate: x509.Certificate) -> str:
    """A certificate as text."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
