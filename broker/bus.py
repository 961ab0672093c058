"""Opens the log at an address of a bus. Only the daemon, the command line and tests choose a log; others are given one.

sqlite:///FILE          the embedded log; FILE is relative to `folder` (three slashes) or absolute (four slashes)
kafka://HOST:PORT,...   Apache Kafka; plaintext only on loopback, or if an operator sets an option named `unsafe`
"""

import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from broker.log import Log

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
