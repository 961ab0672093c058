"""Opens the log at an address of a bus. Only the daemon, the command line and tests choose a log; others are given one.

sqlite:///FILE          the embedded log; FILE is relative to `folder` (three slashes) or absolute (four slashes)
kafka://HOST:PORT,...   Apache Kafka; plaintext only on loopback, or if an operator sets an option named `unsafe`
"""

import ipaddress
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from broker.log import Log

if TYPE_CHECKING:
    from broker.embedded.evidence import FileEvidence

SQLITE: Final = "sqlite:///"
KAFKA: Final = "kafka://"


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """How connections to a Kafka cluster are protected."""

    tls: ssl.SSLContext | None = None
    unsafe_plaintext: bool = False
    """Allow connections without TLS to other machines."""


def open_log(url: str, folder: Path, protection: Protection | None = None) -> Log:
    """The log at `url`, not connected yet; ValueError if the address has another form."""
    if url.startswith(SQLITE) and len(url) > len(SQLITE):
        from broker.embedded.log import EmbeddedLog

        return EmbeddedLog(folder / url.removeprefix(SQLITE))
    if url.startswith(KAFKA) and len(url) > len(KAFKA):
        return _kafka(url.removeprefix(KAFKA), protection or Protection())
    raise ValueError(f"bus address {url!r} must be sqlite:///FILE or kafka://HOST:PORT,...")


def _kafka(bootstrap: str, protection: Protection) -> Log:
    hosts = [address.rpartition(":")[0] for address in bootstrap.split(",")]
    if protection.tls is None and not protection.unsafe_plaintext and not all(map(_is_loopback, hosts)):
        raise ValueError(
            f"kafka://{bootstrap} is on another machine: set bus.ca_file, bus.certificate_file and bus.key_file "
            "for TLS, or bus.unsafe_plaintext = true for a test bed"
        )
    from broker.kafka.client import Address
    from broker.kafka.log import KafkaLog
    from broker.kafka.watchdog import WatchedLog

    address = Address(bootstrap=bootstrap, tls=protection.tls)
    return WatchedLog(lambda: KafkaLog(address))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A log that is only read, and the files that were read for it."""

    log: Log
    files: "FileEvidence | None"
    """None for a server: a cluster has no file to read."""


def open_evidence(
    url: str, folder: Path, scratch: Path, *, protection: Protection | None = None, stopped: Callable[[], bool]
) -> Evidence:
    """The log at `url` for an auditor: nothing of its files changes, and nothing is made beside them.

    `scratch` is an empty folder for copies. ValueError if the address has another form; LogUnavailable if a file cannot
    be read, or if `stopped` answers true meanwhile. Reads every file once.
    """
    if not url.startswith(SQLITE) or len(url) == len(SQLITE):
        return Evidence(log=open_log(url, folder, protection), files=None)
    from broker.embedded.evidence import read_evidence
    from broker.embedded.log import EmbeddedLog

    files = read_evidence(folder / url.removeprefix(SQLITE), scratch, stopped)
    return Evidence(log=EmbeddedLog(files.readable, immutable=not files.is_copy), files=files)
