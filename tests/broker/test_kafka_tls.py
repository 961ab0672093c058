"""Connections to a Kafka on another machine need TLS with a client certificate."""

import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import pytest

from broker.bus import Protection, open_log
from broker.local.attached_cluster import attached_cluster
from broker.local.layout import HOST, BrokerLayout
from broker.log import LogUnavailable, TopicSpec
from node.errors import UsageError
from node.runtime.bus import opened_bus, protection_of
from schemas.types import BusSection
from tests.support.brokers import require_kafka
from tests.support.certificates import Authority, pem
from tests.support.logs import read_all

SPEC = TopicSpec(topic="keys.bz", replication=1, retention_days=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of BZ by the exchange's authority, one of XX by another authority, and both `*-ca.pem`."""
    certificates = tmp_path_factory.mktemp("tls")
    for name, node in (("exchange", "BZ"), ("stranger", "XX")):
        authority = Authority(name)
        (certificates / f"{name}-ca.pem").write_text(pem(authority.certificate))
        authority.issue(certificates, node)
        authority.issue(certificates, f"{name}-broker")
    return certificates


@pytest.fixture(scope="module")
def url(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real broker that requires TLS 1.3 and a client certificate of the exchange's authority."""
    require_kafka()
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port = listener.getsockname()[1]

    def with_tls(broker: BrokerLayout) -> Mapping[str, str]:
        listeners = f"PLAINTEXT://{HOST}:{broker.port},SSL://{HOST}:{port}"
        store = folder / "exchange-broker.store"
        store.write_text((folder / "exchange-broker.key").read_text() + (folder / "exchange-broker.pem").read_text())
        return {
            "listeners": f"{listeners},CONTROLLER://{HOST}:{broker.controller_port}",
            "advertised.listeners": listeners,
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL",
            "ssl.client.auth": "required",
            "ssl.enabled.protocols": "TLSv1.3",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(store),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(folder / "exchange-ca.pem"),
        }

    with attached_cluster(tmp_path_factory.mktemp("kafka"), extra=with_tls):
        yield f"kafka://{HOST}:{port}"


def section(authority: str | None = "exchange", node: str | None = "BZ", url: str = "kafka://one:9092") -> BusSection:
    """The [bus] section of a node.toml."""
    return BusSection(
        url=url,
        ca_file=authority and f"{authority}-ca.pem",
        certificate_file=node and f"{node}.pem",
        key_file=node and f"{node}.key",
    )


async def test_a_node_with_its_certificate_writes_and_reads_over_tls(url: str, folder: Path) -> None:
    log = open_log(url, folder, protection_of(section(), folder))
    try:
        await log.provision([SPEC])
        await log.append(SPEC.topic, [b"over TLS"])
        assert [entry.value for entry in await read_all(log, SPEC.topic, 1)] == [b"over TLS"]
    finally:
        await log.close()


@pytest.mark.parametrize(
    ("authority", "node"), [("exchange", "XX"), ("stranger", "BZ"), (None, None)], ids=["client", "broker", "plaintext"]
)
async def test_other_certificates_and_plaintext_get_no_connection(
    url: str, folder: Path, authority: str | None, node: str | None
) -> None:
    """A client of another authority, a broker of another authority, and a client without TLS."""
    log = open_log(url, folder, protection_of(section(authority, node), folder))
    try:
        with pytest.raises(LogUnavailable):
            await log.topics()
    finally:
        await log.close()


@pytest.mark.parametrize("address", ["one:9092", "192.0.2.1:9092", "127.0.0.1:9092,one:9092"])
def test_another_machine_is_not_reached_without_tls(address: str, tmp_path: Path) -> None:
    """Nor if it is one of several. The error names the options that help."""
    with pytest.raises(UsageError) as raised:
        opened_bus(f"kafka://{address}", tmp_path, Protection())

    assert raised.value.code == "bus_url_unknown"
    assert "bus.ca_file" in raised.value.message
    assert "unsafe_plaintext" in raised.value.message


@pytest.mark.parametrize("address", ["127.0.0.1:9092", "localhost:9092", "[::1]:9092"])
def test_loopback_needs_no_tls(address: str, tmp_path: Path) -> None:
    assert opened_bus(f"kafka://{address}", tmp_path, Protection()) is not None


def test_plaintext_to_another_machine_needs_an_unsafe_option(tmp_path: Path) -> None:
    assert opened_bus("kafka://one:9092", tmp_path, Protection(unsafe_plaintext=True)) is not None


def test_two_of_three_files_are_not_enough(folder: Path) -> None:
    """Otherwise an operator could believe that TLS is on."""
    with pytest.raises(UsageError) as raised:
        protection_of(BusSection(url="kafka://one:9092", ca_file="exchange-ca.pem", certificate_file="BZ.pem"), folder)

    assert (raised.value.code, raised.value.path) == ("tls_incomplete", "bus.key_file")


@pytest.mark.parametrize(("authority", "path"), [("gone", "bus.ca_file"), ("exchange", "bus.certificate_file")])
def test_a_file_that_cannot_be_read_is_named(folder: Path, authority: str, path: str) -> None:
    with pytest.raises(UsageError) as raised:
        protection_of(section(authority, "nobody"), folder)

    assert (raised.value.code, raised.value.path) == ("file_unreadable", path)


@pytest.mark.parametrize("key", ["XX.key", "BZ.pem"])
def test_a_key_that_is_not_the_certificates_is_refused(folder: Path, key: str) -> None:
    """The error comes before any connection."""
    (folder / key).chmod(0o600)
    wrong = msgspec.structs.replace(section(), key_file=key)
    with pytest.raises(UsageError) as raised:
        protection_of(wrong, folder)

    assert raised.value.code == "tls_invalid"
