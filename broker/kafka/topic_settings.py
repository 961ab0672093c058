"""The settings that a topic must have on Kafka, and the differences of a topic from them. Pure.

What the settings protect against:

    cleanup.policy=delete                  compaction removes records that a chain of batches needs
    compression.type=uncompressed          the broker accepts a small batch that expands to gigabytes in a reader
    max.message.bytes                      a record that readers do not accept
    message.timestamp.type=LogAppendTime   a producer chooses the time of its records, and with it their retention
    retention.bytes=-1                     records are removed before their retention time
    unclean.leader.election.enable=false   a replica without acknowledged records becomes the leader
    min.insync.replicas=2                  an acknowledged record exists on one broker only
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from broker.log import RECORD_SIZE_BYTES_MAX, Drift, TopicSpec

REPLICAS_WANTED: Final = 3  # with two, one failure during the maintenance of the other broker stops the topic
DAY_MS: Final = 24 * 60 * 60 * 1000

SETTINGS: Final[Mapping[str, str]] = {
    "cleanup.policy": "delete",
    "compression.type": "uncompressed",
    "max.message.bytes": str(RECORD_SIZE_BYTES_MAX),
    "message.timestamp.type": "LogAppendTime",
    "retention.bytes": "-1",
    "unclean.leader.election.enable": "false",
}
"""The settings of every topic of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicState:
    """One topic as the cluster has it."""

    partitions: int
    replication: int
    settings: Mapping[str, str]
    """The effective values, whether set for the topic, for the cluster or by default."""


def settings_of(spec: TopicSpec) -> dict[str, str]:
    """The settings that `provision` sets for this topic."""
    retention = -1 if spec.retention_days is None else spec.retention_days * DAY_MS
    return {**SETTINGS, "retention.ms": str(retention)}


def needs_change(spec: TopicSpec, state: TopicState) -> bool:
    """Whether `provision` has to correct a setting."""
    return any(state.settings.get(name) != value for name, value in settings_of(spec).items())


def drift(spec: TopicSpec, state: TopicState | None) -> list[Drift]:
    """Every difference of the topic from its specification; None stands for a topic that does not exist."""
    if state is None:
        return [Drift(topic=spec.topic, setting="topic", expected="present", found="missing")]
    wanted = max(spec.replication, REPLICAS_WANTED)
    expected = {"partitions": "1", **settings_of(spec), "min.insync.replicas": "2"}
    found = {**state.settings, "partitions": str(state.partitions)}
    differences = [
        Drift(topic=spec.topic, setting=name, expected=value, found=found.get(name, "unset"))
        for name, value in expected.items()
        if found.get(name) != value
    ]
    if state.replication < wanted:
        differences.append(
            Drift(topic=spec.topic, setting="replication", expected=str(wanted), found=str(state.replication))
        )
    return differences
