"""The rights that the nodes of an exchange need on Kafka, and no others. Pure.

Rules. A node writes its own topics, each by its literal name: a prefix would give it the topics of a node whose code
begins with its own. It reads the topics of all nodes, by prefixes that end with a dot. It may not create, delete or
alter anything. A user of its own, which is not a node, makes the topics. What no right allows is refused.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from broker.streams import GOVERNANCE, MEMBER_STREAMS, intel_stream, topic_of
from broker.topology import Topology, streams_of

PROVISIONER: Final = "enlace-provisioner"
"""The name of the user that makes the topics."""


class Pattern(StrEnum):
    """How a right names topics."""

    LITERAL = "literal"
    PREFIXED = "prefixed"


class Operation(StrEnum):
    """An operation on a topic, as Kafka's tools name it."""

    READ = "Read"
    WRITE = "Write"
    CREATE = "Create"
    ALTER = "Alter"
    DESCRIBE = "Describe"
    DESCRIBE_CONFIGS = "DescribeConfigs"
    ALTER_CONFIGS = "AlterConfigs"


WRITING: Final = (Operation.WRITE, Operation.DESCRIBE)
READING: Final = (Operation.READ, Operation.DESCRIBE)
PROVISIONING: Final = (
    Operation.CREATE,
    Operation.ALTER,
    Operation.ALTER_CONFIGS,
    Operation.DESCRIBE,
    Operation.DESCRIBE_CONFIGS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """What one user may do with some topics."""

    user: str
    topics: tuple[str, ...]
    """Names, or prefixes of names."""

    pattern: Pattern
    operations: tuple[Operation, ...]


def rights_of(topology: Topology, node: str) -> tuple[Right, ...]:
    """The rights of a node; empty if no region lists it."""
    own = tuple(topic_of(stream, node) for stream in streams_of(topology, node))
    if not own:
        return ()
    return (
        Right(user=node, topics=own, pattern=Pattern.LITERAL, operations=WRITING),
        Right(user=node, topics=prefixes(topology), pattern=Pattern.PREFIXED, operations=READING),
    )


def provisioner_rights(topology: Topology) -> Right:
    """The rights of the user that makes the topics and corrects their settings."""
    return Right(user=PROVISIONER, topics=prefixes(topology), pattern=Pattern.PREFIXED, operations=PROVISIONING)


def prefixes(topology: Topology) -> tuple[str, ...]:
    """The prefixes of all topics of an exchange. Each ends with a dot, so that it names whole streams."""
    streams = [*(intel_stream(region.id) for region in topology.regions), *MEMBER_STREAMS, GOVERNANCE]
    return tuple(f"{stream}." for stream in streams)
