"""The regions of an exchange with their members, and the topics that follow from them. Pure: it reads no file.

`broker.streams` has the names of streams. This module decides which originator writes which of them, who may read and
write a topic, and how long its records are kept.

Rules. The members of a region may publish in it. Every node reads every topic. Each topic has one writer: Kafka grants
rights on topics, not on record keys, so this lets the broker prevent one country from writing as another.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from broker.log import TopicSpec
from broker.streams import (
    GOVERNANCE,
    KEYS,
    MEMBER_STREAMS,
    REGISTRY,
    REGISTRY_STREAMS,
    STREAM_LENGTH_MAX,
    intel_stream,
    stream_of,
    topic_of,
)

PARTITIONS: Final = 1  # the order of a stream is the order of its partition
REPLICATION_DEFAULT: Final = 3
RETENTION_DAYS_DEFAULT: Final = 30
KEYS_EXTRA_DAYS: Final = 2  # a grant is used for 24 hours, and must be kept longer than the last message that names it

_NODE = re.compile(r"[A-Z][A-Z0-9]{1,15}")
_REGION = re.compile(r"[a-z][a-z0-9-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A region: its members may publish in it."""

    id: str
    members: tuple[str, ...]
    retention_days: int

    def __post_init__(self) -> None:
        """Raise ValueError for names that cannot be part of a topic name."""
        if not _REGION.fullmatch(self.id) or len(intel_stream(self.id)) > STREAM_LENGTH_MAX:
            limit = STREAM_LENGTH_MAX - len(intel_stream(""))
            raise ValueError(f"region id {self.id!r} must match {_REGION.pattern} and have at most {limit} characters")
        if not self.members:
            raise ValueError(f"region {self.id} has no members")
        for member in self.members:
            if not _NODE.fullmatch(member) or member == REGISTRY:
                raise ValueError(f"region {self.id}: {member!r} is not a node code ({_NODE.pattern}, not {REGISTRY})")
        if len(set(self.members)) != len(self.members):
            raise ValueError(f"region {self.id} names a member twice")
        if self.retention_days < 1:
            raise ValueError(f"region {self.id}: retention_days must be at least 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """All regions. Their order counts: a report without a region goes to the first that lists its originator."""

    replication: int
    regions: tuple[Region, ...]

    def __post_init__(self) -> None:
        """Raise ValueError for a topology that no broker can provide."""
        if self.replication < 1:
            raise ValueError("replication must be at least 1")
        if not self.regions:
            raise ValueError("a topology needs a region")
        if len({region.id for region in self.regions}) != len(self.regions):
            raise ValueError("two regions have the same id")

    @property
    def members(self) -> tuple[str, ...]:
        """The members of all regions, sorted, without duplicates."""
        return tuple(sorted({member for region in self.regions for member in region.members}))


def default_region(topology: Topology, originator: str) -> str | None:
    """The first region that lists `originator`, or None."""
    return next((region.id for region in topology.regions if originator in region.members), None)


def streams_of(topology: Topology, originator: str) -> tuple[str, ...]:
    """The streams that `originator` writes; empty if it is not a member."""
    if originator == REGISTRY:
        return REGISTRY_STREAMS
    intel = tuple(intel_stream(region.id) for region in topology.regions if originator in region.members)
    return intel + MEMBER_STREAMS if intel else ()


def may_write(topology: Topology, node: str, topic: str) -> bool:
    """Whether the broker should let `node` append to `topic`."""
    return topic in {topic_of(stream, node) for stream in streams_of(topology, node)}


def may_read(topology: Topology, node: str, topic: str) -> bool:
    """Whether the broker should let `node` fetch `topic`: members and the registry read everything."""
    return (node == REGISTRY or node in topology.members) and topic in topics_of(topology)


def topics_of(topology: Topology, originators: Collection[str] | None = None) -> tuple[str, ...]:
    """The topics of `originators` (default: all members) and of the registry, sorted."""
    writers = {*(topology.members if originators is None else originators), REGISTRY}
    return tuple(sorted(topic_of(stream, writer) for writer in writers for stream in streams_of(topology, writer)))


def retention_days(topology: Topology, stream: str) -> int | None:
    """For how many days records of `stream` are kept; None: without limit. Key grants outlive the reports."""
    if stream == GOVERNANCE:
        return None  # a new member reads it from the start
    longest = max(region.retention_days for region in topology.regions)
    by_region = {intel_stream(region.id): region.retention_days for region in topology.regions}
    return by_region.get(stream, longest + KEYS_EXTRA_DAYS if stream == KEYS else longest)


def specs_of(topology: Topology, originators: Collection[str] | None = None) -> tuple[TopicSpec, ...]:
    """The specification of each topic of `topics_of`."""
    return tuple(
        TopicSpec(
            topic=topic,
            replication=topology.replication,
            retention_days=retention_days(topology, stream_of(topic)[0]),
        )
        for topic in topics_of(topology, originators)
    )


_EU = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
_CARIBBEAN = "AG BB BS BZ CU DM DO GD GY HT JM KN LC SR TT VC"
_CENTRAL_AMERICA = "BZ CR DO GT HN MX NI PA SV"
_SOUTH_AMERICA = "AR BO BR CL CO EC GY PE PY SR UY VE"
_DEFAULT_REGIONS: Final = {
    "caribbean": _CARIBBEAN,
    "central-america": _CENTRAL_AMERICA,
    "south-america": _SOUTH_AMERICA,
    "europe": _EU,
    "transatlantic": f"{_CARIBBEAN} {_CENTRAL_AMERICA} {_SOUTH_AMERICA} {_EU}",
}


def default() -> Topology:
    """The default topology: the 33 states of CELAC and the 27 of the EU in five regions. Some are in three of them."""
    return Topology(
        replication=REPLICATION_DEFAULT,
        regions=tuple(
            Region(id=name, members=tuple(sorted(set(codes.split()))), retention_days=RETENTION_DAYS_DEFAULT)
            for name, codes in _DEFAULT_REGIONS.items()
        ),
    )
