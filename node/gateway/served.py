"""What the handlers of the gateway work with: one node, opened for the time of the gateway."""

import asyncio
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from node.database.engine import Store
from node.handing_in.shared_intake import SharedIntake
from node.health.status import NodeStatus, status_now
from node.heartbeats import Heartbeats
from node.metrics.node_watch import NodeWatch
from node.metrics.recent import Recent
from node.notifications.event_streams import EventStreams
from node.runtime.home import Home
from node.runtime.open_intake import OpenIntake

STATUS_KEEP_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The node that the gateway serves."""

    home: Home
    intake: OpenIntake
    stopping: asyncio.Event
    """Set when the gateway ends: answers that never end must end then."""

    heartbeats: Heartbeats | None = None
    """Of the daemon, if the gateway is one of its jobs."""

    streams: EventStreams = field(default_factory=EventStreams)
    """The open streams."""

    watch: NodeWatch = field(init=False)
    """Health and metrics of the node."""

    shared: SharedIntake = field(init=False)
    """The intake that all callers share."""

    status: Recent[NodeStatus] = field(init=False)
    """The status of the node: a look asks the bus, so many callers share one."""

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
        look = partial(status_now, self.home, self.intake.store)
        object.__setattr__(self, "status", Recent(look, keep_seconds=STATUS_KEEP_SECONDS))
        object.__setattr__(self, "shared", SharedIntake(self.intake))

    @property
    def store(self) -> Store:
        """The store of the node."""
        return self.intake.store

    def now_ms(self) -> int:
        """The time in ms."""
        return self.intake.clock()
