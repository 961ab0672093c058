"""Makes the topics of some homes on their log, from the topology; what is there already stays."""

from collections.abc import Iterable
from pathlib import Path

from broker import topology as topologies
from node.assembly import open_bus, open_home


async def provision_homes(homes: Iterable[Path]) -> None:
    """Provision every topic that the nodes of `homes` write; all share one bus and one topology."""
    opened = [open_home(home) for home in homes]
    if not opened:
        return
    async with open_bus(opened[0]) as bus:
        await bus.provision(topologies.specs_of(opened[0].topology, [one.config.node.id for one in opened]))
