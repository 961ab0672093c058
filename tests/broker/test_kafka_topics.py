"""The differences that `check` reports for each setting, and those that `provision` corrects on a real Kafka."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from aiokafka.errors import UnknownTopicOrPartitionError

from broker.bus import open_log
from broker.kafka import admin
from broker.kafka.client import Address
from broker.kafka.topic_settings import REPLICAS_WANTED, TopicState, drift, settings_of
from broker.log import Drift, Log, TopicSpec
from tests.support import clusters, stranger

DAY_MS = 24 * 60 * 60 * 1000
SPEC = TopicSpec(topic="intel.caribbean.bz", replication=3, retention_days=2)


def state(**changes: str) -> TopicState:
    """A correct topic, except for `changes`; underscores stand for the dots of names."""
    settings = {**settings_of(SPEC), "min.insync.replicas": "2"}
    return TopicState(
        partitions=1,
        replication=3,
        settings=settings | {name.replace("_", "."): value for name, value in changes.items()},
    )


def test_a_correct_topic_has_no_drift() -> None:
    assert drift(SPEC, state()) == []


@pytest.mark.parametrize(
    ("setting", "found", "expected"),
    [
        ("cleanup.policy", "compact", "delete"),
        ("compression.type", "producer", "uncompressed"),
        ("max.message.bytes", "1000", "1048576"),
        ("message.timestamp.type", "CreateTime", "LogAppendTime"),
        ("retention.ms", "1000", str(2 * DAY_MS)),
        ("retention.bytes", "1000", "-1"),
        ("unclean.leader.election.enable", "true", "false"),
        ("min.insync.replicas", "1", "2"),
    ],
)
def test_each_setting_that_differs_is_reported_with_the_expected_value(setting: str, found: str, expected: str) -> None:
    """It does not matter whether the topic or the cluster sets it."""
    differing = state(**{setting.replace(".", "_"): found})

    assert drift(SPEC, differing) == [Drift(topic=SPEC.topic, setting=setting, expected=expected, found=found)]


def test_missing_topics_and_wrong_numbers_of_partitions_and_replicas_are_reported() -> None:
    """Fewer than three replicas are always drift, even if the topology requires fewer."""
    lone = TopicSpec(topic=SPEC.topic, replication=1, retention_days=2)
    wrong = TopicState(partitions=2, replication=1, settings=state().settings)

    def differences(spec: TopicSpec, state: TopicState | None) -> list[tuple[str, str, str]]:
        return [(found.setting, found.expected, found.found) for found in drift(spec, state)]

    assert differences(SPEC, None) == [("topic", "present", "missing")]
    assert differences(lone, wrong) == [
        ("partitions", "1", "2"),
        ("replication", str(REPLICAS_WANTED), "1"),
    ]


def test_records_of_governance_are_kept_without_limit() -> None:
    assert (
        settings_of(TopicSpec(topic="governance.registry", replication=3, retention_days=None))["retention.ms"] == "-1"
    )


async def _settings(log: Log, spec: TopicSpec) -> set[str]:
    return {difference.setting for difference in await log.check([spec])} - {"replication", "min.insync.replicas"}


async def test_provisioning_corrects_the_settings_of_a_foreign_topic() -> None:
    """The second call changes nothing."""
    address, topic = clusters.bootstrap(), f"foreign-{uuid4().hex[:8]}.bz"
    spec = TopicSpec(topic=topic, replication=1, retention_days=3)
    await stranger.create(address, topic, cleanup_policy="compact", max_message_bytes="2000")
    log = open_log(f"kafka://{address}", Path())
    try:
        before = await _settings(log, spec)
        first = await log.provision([spec])
        after = await _settings(log, spec)
        second = await log.provision([spec])
    finally:
        await log.close()

    assert {"cleanup.policy", "max.message.bytes", "compression.type", "retention.ms"} <= before
    assert ((), (topic,)) == (first.created, first.changed)
    assert after == set()
    assert (second.created, second.changed) == ((), ())


class LaggingCluster:
    """Stands for the client of a cluster whose second broker has not heard of a topic that the first one lists."""

    def __init__(self, **_options: object) -> None:
        """Takes the options of the real client."""

    async def describe_topics(self, _topics: None) -> list[dict[str, Any]]:
        """Both topics."""
        return [{"topic": topic, "partitions": [{"replicas": [1]}]} for topic in ("keys.bz", "keys.gt")]

    async def describe_configs(self, _resources: object) -> list[Any]:
        """The settings of one, and the error of a broker about the other."""
        unknown = UnknownTopicOrPartitionError.errno
        resources: list[Any] = [(0, "", 2, "keys.gt", []), (unknown, None, 2, "keys.bz", [])]
        return [SimpleNamespace(resources=resources)]


async def test_a_topic_that_a_broker_does_not_know_yet_is_not_described(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is missing, as it is before the other broker knows it; `provision` waits for it."""
    monkeypatch.setattr(admin, "AIOKafkaAdminClient", LaggingCluster)
    described = await admin.Admin(Address(bootstrap="127.0.0.1:9092")).describe(["keys.bz", "keys.gt"])

    assert described.keys() == {"keys.gt"}
