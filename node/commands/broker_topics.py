"""`broker provision` and `broker check`: the topics of an exchange, compared with its topology.

Topics that exist are never deleted.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from broker import topology as topologies
from broker.log import Drift
from broker.topology import Topology
from node.runtime.home import Home, open_home
from node.runtime.open_node import open_bus


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The topics that were created or changed, and the differences from the topology that remain."""

    created: tuple[str, ...]
    changed: tuple[str, ...]
    drift: tuple[Drift, ...]


async def provision_homes(homes: Iterable[Path]) -> None:
    """Create every topic that the nodes of `homes` write; all homes share one bus and one topology."""
    opened = [open_home(home) for home in homes]
    if not opened:
        return
    async with open_bus(opened[0]) as bus:
        await bus.provision(topologies.specs_of(opened[0].topology, [home.node for home in opened]))


async def provision(home: Home, topology: Topology) -> Comparison:
    """Create the topics of all members and change settings that differ; raises LogUnavailable."""
    specs = topologies.specs_of(topology)
    async with open_bus(home) as bus:
        done = await bus.provision(specs)
        return Comparison(created=done.created, changed=done.changed, drift=await bus.check(specs))


async def check(home: Home, topology: Topology) -> Comparison:
    """List every difference between the topics of all members and the topology; changes nothing."""
    async with open_bus(home) as bus:
        return Comparison(created=(), changed=(), drift=await bus.check(topologies.specs_of(topology)))
