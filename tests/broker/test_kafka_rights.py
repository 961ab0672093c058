"""The rights of nodes on a real broker with TLS: what a node may do, and who gets no connection."""

import datetime
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
import yaml
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from broker import topology as topologies
from broker.bus import Protection, open_log
from broker.kafka.rights import PROVISIONER, Operation, Pattern, rights_of
from broker.kafka.rights_text import commands, strimzi
from broker.local.attached_cluster import attached_cluster
from broker.local.authority import Authority
from broker.local.cluster import Cluster
from broker.local.errors import LocalUnavailable
from broker.local.layout import HOST
from broker.local.tls import context, users_of
from broker.log import Fault, Log, LogUnavailable
from broker.topology import Region, Topology
from tests.support.brokers import require_kafka
from tests.support.logs import read_all

NOW: Final = datetime.datetime.now(datetime.UTC)
TOPOLOGY: Final = Topology(
    replication=1, regions=(Region(id="caribbean", members=("BZ", "BZX", "GT"), retention_days=3),)
)
OWN: Final = "intel.caribbean.bz"
OTHERS: Final = ("intel.caribbean.gt", "intel.caribbean.bzx", "governance.registry", "keys.gt", "foreign")
TOPICS: Final = topologies.topics_of(TOPOLOGY)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One broker with TLS, whose users are BZ, BZX and GT."""
    require_kafka()
    users = users_of(TOPOLOGY, TOPOLOGY.members, NOW)
    with attached_cluster(tmp_path_factory.mktemp("kafka"), users=users) as made:
        yield made


@pytest.fixture(scope="module")
def certificates(cluster: Cluster) -> Path:
    return cluster.folder / "unsafe-tls"


@asynccontextmanager
async def opened(cluster: Cluster, tls: ssl.SSLContext | None) -> AsyncIterator[Log]:
    log = open_log(cluster.url, Path(), Protection(tls=tls))
    try:
        yield log
    finally:
        await log.close()


@pytest.fixture(scope="module")
def provisioned(cluster: Cluster, certificates: Path) -> None:
    """The topics exist; the user for this makes them, and needs no other right."""
    import asyncio

    async def make() -> None:
        async with opened(cluster, context(certificates, PROVISIONER)) as log:
            specs = topologies.specs_of(TOPOLOGY)
            assert len((await log.provision(specs)).created) == len(TOPICS)
            assert {found.setting for found in await log.check(specs)} == {"replication", "min.insync.replicas"}

    asyncio.run(make())


@pytest.mark.usefixtures("provisioned")
async def test_a_node_writes_its_own_topics_and_reads_those_of_all(cluster: Cluster, certificates: Path) -> None:
    async with opened(cluster, context(certificates, "BZ")) as log:
        await log.append(OWN, [b"mine"])
        assert await log.topics() >= {*TOPICS}
    async with opened(cluster, context(certificates, "GT")) as log:
        assert [entry.value for entry in await read_all(log, OWN, 1)] == [b"mine"]


@pytest.mark.usefixtures("provisioned")
@pytest.mark.parametrize("topic", OTHERS)
async def test_a_node_cannot_write_what_is_not_its_own(cluster: Cluster, certificates: Path, topic: str) -> None:
    """Neither as another country, nor as one whose code begins with its own, nor as the registry."""
    async with opened(cluster, context(certificates, "BZ")) as log:
        with pytest.raises(LogUnavailable):
            await log.append(topic, [b"forged"])
    async with opened(cluster, context(certificates, "GT")) as log:
        fetched = await log.fetch({topic: 0}, records_max=1, wait_seconds=0.5) if topic in TOPICS else []
        assert [answer.entries for answer in fetched if answer.entries] == []


@asynccontextmanager
async def administering(cluster: Cluster, tls: ssl.SSLContext) -> AsyncIterator[AIOKafkaAdminClient]:
    """The administration of a cluster by the library itself, with the rights of a user."""
    client = AIOKafkaAdminClient(
        bootstrap_servers=cluster.bootstrap, security_protocol="SSL", ssl_context=tls, request_timeout_ms=20_000
    )
    await client.start()
    try:
        yield client
    finally:
        await client.close()


@pytest.mark.usefixtures("provisioned")
@pytest.mark.parametrize("topic", [OWN, "intel.caribbean.gt", "new.topic"])
async def test_a_node_cannot_create_delete_or_alter_a_topic(cluster: Cluster, certificates: Path, topic: str) -> None:
    """Not even its own."""
    retention = {"retention.ms": "1"}
    async with administering(cluster, context(certificates, "BZ")) as admin:
        created = await admin.create_topics([NewTopic(f"{topic}zz", num_partitions=1, replication_factor=1)])
        deleted = await admin.delete_topics([topic])
        altered = await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs=retention)])

    assert [code for _, code, *_ in created.topic_errors] != [0]
    assert [code for _, code in deleted.topic_error_codes] != [0]
    assert [code for answer in altered for code, *_ in answer.resources] != [0]
    async with opened(cluster, context(certificates, PROVISIONER)) as log:
        topics = await log.topics()
        assert f"{topic}zz" not in topics
        assert topics >= {*TOPICS}


@pytest.mark.usefixtures("provisioned")
async def test_the_user_that_provisions_cannot_write_or_read(cluster: Cluster, certificates: Path) -> None:
    async with opened(cluster, context(certificates, PROVISIONER)) as log:
        with pytest.raises(LogUnavailable):
            await log.append(OWN, [b"forged"])
        [answer] = await log.fetch({OWN: 0}, records_max=1, wait_seconds=2)

    assert (answer.entries, answer.fault) == ((), Fault.DENIED)


def other_authority(certificates: Path, folder: Path) -> ssl.SSLContext:
    """A certificate of BZ by another authority."""
    Authority(folder, NOW).issue("BZ")
    made = ssl.create_default_context(cafile=certificates / "ca.pem")
    made.load_cert_chain(folder / "BZ.pem", folder / "BZ.key")
    return made


def expired(certificates: Path, folder: Path) -> ssl.SSLContext:
    """A certificate of BZ by the authority of the cluster, which ended a day ago."""
    for name in ("ca.pem", "ca.key"):
        (folder / name).write_bytes((certificates / name).read_bytes())
    Authority(folder, NOW - datetime.timedelta(days=366)).issue("BZ")
    return context(folder, "BZ")


def other_name(certificates: Path, folder: Path) -> ssl.SSLContext:
    """A certificate of the authority for a name that no rule maps to a user."""
    for name in ("ca.pem", "ca.key"):
        (folder / name).write_bytes((certificates / name).read_bytes())
    Authority(folder, NOW).issue("bz")
    return context(folder, "bz")


def without_certificate(certificates: Path, folder: Path) -> ssl.SSLContext:
    """TLS without a certificate of the client."""
    assert folder.is_dir()
    return ssl.create_default_context(cafile=certificates / "ca.pem")


def foreign_broker(certificates: Path, folder: Path) -> ssl.SSLContext:
    """A node that trusts another authority: the broker is not the one that it was told."""
    Authority(folder, NOW)
    made = ssl.create_default_context(cafile=folder / "ca.pem")
    made.load_cert_chain(certificates / "BZ.pem", certificates / "BZ.key")
    return made


@pytest.mark.usefixtures("provisioned")
@pytest.mark.parametrize("wrong", [other_authority, expired, other_name, without_certificate, foreign_broker])
async def test_a_wrong_certificate_gets_no_connection(
    cluster: Cluster, certificates: Path, tmp_path: Path, wrong: Callable[[Path, Path], ssl.SSLContext]
) -> None:
    async with opened(cluster, wrong(certificates, tmp_path)) as log:
        with pytest.raises(LogUnavailable):
            await log.topics()


@pytest.mark.usefixtures("provisioned")
async def test_a_client_without_tls_gets_no_connection(cluster: Cluster) -> None:
    async with opened(cluster, None) as log:
        with pytest.raises(LogUnavailable):
            await log.topics()


@pytest.mark.usefixtures("provisioned")
async def test_a_broker_under_another_name_is_refused(cluster: Cluster, certificates: Path) -> None:
    """The certificate is for 127.0.0.1: a broker at another address is not the one that was meant."""
    log = open_log(f"kafka://127.0.0.2:{cluster.port(1)}", Path(), Protection(tls=context(certificates, "BZ")))
    try:
        with pytest.raises(LogUnavailable):
            await log.topics()
    finally:
        await log.close()


@pytest.mark.usefixtures("provisioned")
def test_a_connection_between_brokers_needs_a_certificate_too(cluster: Cluster) -> None:
    """The controller listens with TLS: without it, anyone on the machine could change the cluster."""
    text = (cluster.folder / "broker-1" / "server.properties").read_text("utf-8")
    port = int(text.partition("CONTROLLER://127.0.0.1:")[2].partition("\n")[0])
    with socket.create_connection((HOST, port), timeout=10) as plain:
        plain.sendall(b"\0\0\0\x0a\0\x12\0\0\0\0\0\x01\xff\xff")
        assert plain.recv(4)[:1] != b"\0"  # an alert of TLS, or the end

    assert "allow.everyone.if.no.acl.found=false" in text
    assert "PLAINTEXT" not in text


def test_a_right_names_literal_topics_to_write_and_prefixes_that_end_with_a_dot_to_read() -> None:
    """A prefix to write would give BZ the topics of BZX."""
    write, read = rights_of(TOPOLOGY, "BZ")

    assert (write.pattern, {*write.operations}) == (Pattern.LITERAL, {Operation.WRITE, Operation.DESCRIBE})
    assert {*write.topics} == {topic for topic in TOPICS if topic.endswith(".bz")}
    assert (read.pattern, {*read.operations}) == (Pattern.PREFIXED, {Operation.READ, Operation.DESCRIBE})
    assert all(prefix.endswith(".") for prefix in read.topics)
    assert all(any(topic.startswith(prefix) for prefix in read.topics) for topic in TOPICS)
    assert rights_of(TOPOLOGY, "MX") == ()


def test_the_commands_and_the_resources_say_the_same() -> None:
    """As kafka-acls.sh and Strimzi read them."""
    rights = [right for node in ("BZ", "GT") for right in rights_of(TOPOLOGY, node)]
    lines = commands(rights, "one:9093")
    users = list(yaml.safe_load_all(strimzi(rights, "exchange")))

    assert [user["metadata"]["name"] for user in users] == ["bz", "gt"]
    assert {user["kind"] for user in users} == {"KafkaUser"}
    for user, of_user in zip(users, (lines[:2], lines[2:]), strict=True):
        acls = user["spec"]["authorization"]["acls"]
        named = {
            word
            for line in of_user
            for word, before in zip(line.split()[1:], line.split(), strict=False)
            if before == "--topic"
        }
        assert {acl["resource"]["name"] for acl in acls} == named
        assert {acl["resource"]["patternType"] for acl in acls} == {"literal", "prefix"}
        assert {name for acl in acls for name in acl["operations"]} == {"Read", "Write", "Describe"}
    assert lines[0].startswith("kafka-acls.sh --bootstrap-server one:9093 --command-config admin.properties --add")
    assert "--allow-principal User:BZ --resource-pattern-type literal" in lines[0]


def test_rights_that_a_cluster_refuses_are_an_error(cluster: Cluster, certificates: Path) -> None:
    """Here a node asks for rights, and only the brokers may give them."""
    from broker.local.acl_request import give

    with pytest.raises(LocalUnavailable, match="the rights were not given"):
        give(rights_of(TOPOLOGY, "BZ"), HOST, cluster.port(1), context(certificates, "BZ"))
