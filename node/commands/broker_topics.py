"""`broker provision` and `broker check`: the topics of an exchange, compared with its topology.

Rules. Only topics of members are wanted: of the nodes that have a NODE document here, and of the home's own node. They
are those of the topology, and those of streams that NODE documents list. A topology that is named as a file replaces
that, so that an operator can make topics before a node joins. Topics that exist are never deleted.
"""

import asyncio
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from msgspec import structs

from broker import topology as topologies
from broker.log import Drift, Log, TopicSpec
from broker.topology import Topology
from node.clock import now_ms
from node.errors import UsageError
from node.runtime.home import Home, open_home
from node.runtime.open_node import open_bus
from node.runtime.tls_files import PROVISIONER, tls_files
from node.runtime.topics_read import topics_expected
from node.trust.governance import Governance

VISIBLE_SECONDS_MAX: Final = 10.0  # a busy broker learns of a new topic after the others
POLL_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The topics that were created or changed, and the differences from the topology that remain."""

    created: tuple[str, ...]
    changed: tuple[str, ...]
    drift: tuple[Drift, ...]


async def provision_homes(homes: Iterable[Path], certificates: Path | None = None) -> None:
    """Create every topic that the nodes of `homes` write; all homes share one bus and one topology.

    With a folder of `certificates`, it connects as the user that may make topics.
    """
    opened = [open_home(home) for home in homes]
    if not opened:
        return
    first = opened[0]
    if certificates is not None:
        files = tls_files(certificates, PROVISIONER)
        first = replace(first, config=structs.replace(first.config, bus=structs.replace(first.config.bus, **files)))
    async with open_bus(first) as bus:
        await bus.provision(topologies.specs_of(opened[0].topology, [home.node for home in opened]))


async def provision(home: Home, topology: Topology | None = None) -> Comparison:
    """Create the topics that are wanted and change settings that differ; raises LogUnavailable."""
    specs = wanted_topics(home, topology)
    async with open_bus(home) as bus:
        done = await bus.provision(specs)
        return Comparison(created=done.created, changed=done.changed, drift=await _settled(bus, specs, done.created))


async def check(home: Home, topology: Topology | None = None) -> Comparison:
    """List every difference between the topics that are wanted and those of the bus; changes nothing."""
    async with open_bus(home) as bus:
        return Comparison(created=(), changed=(), drift=await bus.check(wanted_topics(home, topology)))


def wanted_topics(home: Home, topology: Topology | None = None) -> tuple[TopicSpec, ...]:
    """The topics of the community's members; with a `topology`, those of all its members."""
    if topology is not None:
        return topologies.specs_of(topology)
    specs = topologies.specs_of(home.topology, members_of(home))
    return tuple(sorted((*specs, *_listed_elsewhere(home, specs)), key=lambda spec: spec.topic))


def _listed_elsewhere(home: Home, specs: Sequence[TopicSpec]) -> list[TopicSpec]:
    """Topics of streams that a valid NODE document lists and the home's own topology does not name."""
    governance, known = _governance(home), {spec.topic for spec in specs}
    listed = topics_expected(governance, now_ms()) if governance is not None else {}
    return [
        TopicSpec(
            topic=topic,
            replication=home.topology.replication,
            retention_days=topologies.retention_days(home.topology, place.stream),
        )
        for topic, place in listed.items()
        if topic not in known
    ]


def members_of(home: Home) -> tuple[str, ...]:
    """The home's node and all nodes that have a NODE document here, valid now or not, sorted."""
    governance = _governance(home)
    listed: Collection[str] = governance.nodes if governance is not None else ()
    return tuple(sorted({home.node, *listed}))


def _governance(home: Home) -> Governance | None:
    """The documents of the home; None if it has not joined yet."""
    try:
        return home.documents().governance
    except UsageError as error:
        if error.code != "root_missing":
            raise
        return None


async def _settled(bus: Log, specs: Sequence[TopicSpec], created: Sequence[str]) -> tuple[Drift, ...]:
    """The drift as soon as the bus shows the topics that it has just created, or after `VISIBLE_SECONDS_MAX`."""
    deadline = time.monotonic() + VISIBLE_SECONDS_MAX
    while True:
        drift = await bus.check(specs)
        late = {difference.topic for difference in drift if difference.setting == "topic"} & {*created}
        if not late or time.monotonic() >= deadline:
            return drift
        await asyncio.sleep(POLL_SECONDS)
