"""What the handlers of the gateway work with: one node, opened for the time of the gateway."""

import asyncio
from dataclasses import dataclass, field

from node.database.engine import Store
from node.heartbeats import Heartbeats
from node.metrics.node_watch import NodeWatch
from node.runtime.home import Home
from node.runtime.open_intake import OpenIntake


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The node that the gateway serves."""

    home: Home
    intake: OpenIntake
    stopping: asyncio.Event
    """Set when the gateway ends: answers that never end must end then."""

    heartbeats: Heartbeats | None = None
    """Of the daemon, if the gateway is one of its jobs."""

    watch: NodeWatch = field(init=False)
    """Health and metrics of the node."""

    def __post_init__(self) -> None:
        """Make what the handlers share; it opens nothing before it is used."""
        watch = NodeWatch(
            home=self.home,
            store=self.intake.store,
            documents=self.intake.documents,
            clock=self.intake.clock,
            stopping=self.stopping,
            heartbeats=self.heartbeats,
        )
        object.__setattr__(self, "watch", watch)

    @property
    def store(self) -> Store:
        """The store of the node."""
        return self.intake.store

    def now_ms(self) -> int:
        """The time in ms."""
        return self.intake.clock()
