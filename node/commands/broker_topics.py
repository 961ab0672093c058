"""Makes the topics of an exchange from its topology, and tells what differs; what is there already stays."""

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
    """What was made or set, and what differs from the topology afterwards."""

    created: tuple[str, ...]
    changed: tuple[str, ...]
    drift: tuple[Drift, ...]


async def provision_homes(homes: Iterable[Path]) -> None:
    """Provision every topic that the nodes of `homes` write; all share one bus and one topology."""
    opened = [open_home(home) for home in homes]
    if not opened:
        return
    async with open_bus(opened[0]) as bus:
        await bus.provision(topologies.specs_of(opened[0].topology, [one.config.node.id for one in opened]))


async def provision(home: Home, topology: Topology) -> Comparison:
    """Make the topics of all members and set what differs; raises LogUnavailable."""
    specs = topologies.specs_of(topology)
    async with open_bus(home) as bus:
        done = await bus.provision(specs)
        return Comparison(created=done.created, changed=done.changed, drift=await bus.check(specs))


async def check(home: Home, topology: Topology) -> Comparison:
    """Every difference of the topics of all members; changes nothing."""
    async with open_bus(home) as bus:
        return Comparison(created=(), changed=(), drift=await bus.check(topologies.specs_of(topology)))
