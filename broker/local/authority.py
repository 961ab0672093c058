"""A certificate authority for development, and the certificates that it signs, in the folder `unsafe-tls` of a cluster.

    ca.pem, ca.key          the authority; its key is in clear, so anyone who can read the folder can be every node
    NAME.pem, NAME.key      certificate and key of one user, whose name is the CN
    NAME.store              both in one file, as a Kafka broker reads them

A name gets its certificate once. All are for 127.0.0.1 and localhost, and valid for a year.
"""

import datetime
import ipaddress
import os
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from broker.local.layout import HOST

AUTHORITY: Final = "ca"
VALID_DAYS: Final = 365
FILE_MODE: Final = 0o600
FOLDER_MODE: Final = 0o700


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


NAME: Final = _name("enlace development")


class Authority:
    """The authority of one folder, which is made if it does not exist."""

    def __init__(self, folder: Path, now: datetime.datetime) -> None:
        """`now` in UTC is the begin of what is signed; a minute earlier, for clocks that differ."""
        self._folder = folder
        self._from = now - datetime.timedelta(minutes=1)
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        if not (folder / f"{AUTHORITY}.pem").exists():
            key = ec.generate_private_key(ec.SECP256R1())
            self._write(AUTHORITY, key, self._signed(NAME, key, NAME, key))
        self._key = serialization.load_pem_private_key((folder / f"{AUTHORITY}.key").read_bytes(), password=None)
        self.certificate = x509.load_pem_x509_certificate((folder / f"{AUTHORITY}.pem").read_bytes())

    def issue(self, name: str) -> None:
        """Make certificate and key of a user, unless they exist."""
        if (self._folder / f"{name}.store").exists():
            return
        assert isinstance(self._key, ec.EllipticCurvePrivateKey)  # noqa: S101, made above
        key = ec.generate_private_key(ec.SECP256R1())
        self._write(name, key, self._signed(_name(name), key, self.certificate.subject, self._key))

    def _signed(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, issuer: x509.Name, by: ec.EllipticCurvePrivateKey
    ) -> x509.Certificate:
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST)), x509.DNSName("localhost")])
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._from)
            .not_valid_after(self._from + datetime.timedelta(days=VALID_DAYS))
            .add_extension(x509.BasicConstraints(ca=subject == issuer, path_length=None), critical=True)
            .add_extension(names, critical=False)
            .sign(by, hashes.SHA256())
        )

    def _write(self, name: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        public = certificate.public_bytes(serialization.Encoding.PEM)
        for suffix, data in ((".key", private), (".pem", public), (".store", private + public)):
            with open(self._folder / f"{name}{suffix}", "wb", opener=_open_private) as file:
                file.write(data)


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, FILE_MODE)
