"""Opens the log that a configuration names, with the protection of its connections that the configuration asks for."""

import ssl
from collections.abc import Callable
from pathlib import Path

from broker.bus import Evidence, Protection, open_evidence, open_log
from broker.log import Log
from node.errors import UsageError
from node.files import TEXT_SIZE_BYTES_MAX, read_file
from node.secret_files import check_secret
from schemas.types import BusSection


def opened_bus(url: str, folder: Path, protection: Protection, *, path: str = "bus.url") -> Log:
    """The log at `url`; relative files are relative to `folder`. UsageError at `path` if the address is wrong."""
    try:
        return open_log(url, folder, protection)
    except ValueError as error:
        raise UsageError("bus_url_unknown", str(error), path=path) from None


def protection_of(bus: BusSection, folder: Path) -> Protection:
    """The protection that the section configures; its files are relative to `folder`. Raises UsageError."""
    return Protection(tls=_tls(bus, folder), unsafe_plaintext=bus.unsafe_plaintext)


def _tls(bus: BusSection, folder: Path) -> ssl.SSLContext | None:
    """TLS 1.3 with the node's own certificate; only the configured authority is trusted."""
    files = {"bus.ca_file": bus.ca_file, "bus.certificate_file": bus.certificate_file, "bus.key_file": bus.key_file}
    named = {key: folder / file for key, file in files.items() if file is not None}
    if not named:
        return None
    if missing := sorted(files.keys() - named.keys()):
        raise UsageError(
            "tls_incomplete", f"{missing[0]} is not set", path=missing[0], hint="TLS needs all three files"
        )
    for key, path in named.items():
        _check_file(key, path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_verify_locations(named["bus.ca_file"])
        context.load_cert_chain(named["bus.certificate_file"], named["bus.key_file"])
    except (ssl.SSLError, ValueError) as error:
        message = f"certificate, key and authority are invalid or do not belong together: {error}"
        raise UsageError("tls_invalid", message, path="bus.certificate_file") from None
    return context


def _check_file(key: str, path: Path) -> None:
    """UsageError at `key` for a file that is not readable, and for a private key that other users can read."""
    try:
        if key == "bus.key_file":
            check_secret(path)
        else:
            read_file(path, TEXT_SIZE_BYTES_MAX)
    except UsageError as error:
        error.path = key
        raise


def opened_evidence(
    url: str,
    folder: Path,
    scratch: Path,
    protection: Protection,
    *,
    stopped: Callable[[], bool] = lambda: False,
    path: str = "bus.url",
) -> Evidence:
    """The log at `url` for an auditor (broker.bus.open_evidence). UsageError at `path` if the address is wrong."""
    try:
        return open_evidence(url, folder, scratch, protection=protection, stopped=stopped)
    except ValueError as error:
        raise UsageError("bus_url_unknown", str(error), path=path) from None
