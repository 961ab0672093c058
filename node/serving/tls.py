"""TLS of the server: its certificate, and the authority of client certificates if there is one.

TLS 1.2 or later. With an authority, a client without a valid certificate does not get a connection: a gate in front of
the token, which every request needs as well. Renewed files are used from the next connection on; while they cannot be
used, such as between the renewal of the certificate and that of its key, the former ones stay.
"""

import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from node.errors import UsageError
from node.files import TEXT_SIZE_BYTES_MAX, read_file
from node.secret_files import check_secret

log = structlog.get_logger()

CERTIFICATE: Final = "gateway.certificate_file"
KEY: Final = "gateway.key_file"
CLIENT_CA: Final = "gateway.client_ca_file"

_Signature = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """The files of the server."""

    certificate: Path
    key: Path
    client_ca: Path | None = None


def tls_files(folder: Path, certificate: str | None, key: str | None, client_ca: str | None) -> TlsFiles | None:
    """The configured files, relative to `folder`; None without TLS. Raises UsageError if one is missing."""
    if certificate is None and key is None and client_ca is None:
        return None
    if certificate is None or key is None:
        path = CERTIFICATE if certificate is None else KEY
        hint = "TLS needs the certificate and its key"
        raise UsageError("tls_incomplete", f"{path} is not set", path=path, hint=hint)
    return TlsFiles(
        certificate=folder / certificate, key=folder / key, client_ca=None if client_ca is None else folder / client_ca
    )


class ServerTls:
    """The TLS of a gateway that runs."""

    def __init__(self, files: TlsFiles) -> None:
        """Read the files. Raises UsageError."""
        self._files = files
        self._signature = _signature(files)
        self._context = context_of(files)

    def context(self) -> ssl.SSLContext:
        """The context for a new connection, from the files as they are now, or as they could last be used."""
        signature = _signature(self._files)
        if signature != self._signature:
            self._signature = signature
            try:
                self._context = context_of(self._files)
            except UsageError as error:
                log.error("gateway_certificate_unusable", code=error.code, reason=error.message)
            else:
                log.info("gateway_certificate_renewed")
        return self._context


def context_of(files: TlsFiles) -> ssl.SSLContext:
    """A context from the files. Raises UsageError that names the wrong one."""
    for key, path in ((CERTIFICATE, files.certificate), (KEY, files.key), (CLIENT_CA, files.client_ca)):
        if path is not None:
            _check_file(key, path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_alpn_protocols(["http/1.1"])
    try:
        # Without `password`, OpenSSL would ask for the passphrase of the key on the terminal.
        context.load_cert_chain(files.certificate, files.key, password=lambda: "")
    except (ssl.SSLError, ValueError) as error:
        message = f"certificate and key are invalid, encrypted, or do not belong together: {error}"
        raise UsageError("tls_invalid", message, path=CERTIFICATE) from None
    if files.client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        try:
            context.load_verify_locations(files.client_ca)
        except (ssl.SSLError, ValueError) as error:
            raise UsageError("tls_invalid", f"the authority is invalid: {error}", path=CLIENT_CA) from None
    return context


def _check_file(key: str, path: Path) -> None:
    """UsageError at `key` for a file that is not readable, and for a private key that other users can read."""
    try:
        if key == KEY:
            check_secret(path)
        else:
            read_file(path, TEXT_SIZE_BYTES_MAX)
    except UsageError as error:
        error.path = key
        raise


def _signature(files: TlsFiles) -> _Signature:
    """What changes when a file does."""
    found = []
    for path in (files.certificate, files.key, files.client_ca):
        try:
            status = None if path is None else os.stat(path)  # noqa: PTH116 - for each connection, and quicker
        except OSError:
            status = None
        found.append((0, 0, 0) if status is None else (status.st_mtime_ns, status.st_size, status.st_ino))
    return tuple(found)
