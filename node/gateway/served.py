"""What the handlers of the gateway work with: one node, opened for the time of the gateway."""

import asyncio
from dataclasses import dataclass

from node.database.engine import Store
from node.runtime.home import Home
from node.runtime.open_intake import OpenIntake


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The node that the gateway serves."""

    home: Home
    intake: OpenIntake
    stopping: asyncio.Event
    """Set when the gateway ends: answers that never end must end then."""

    @property
    def store(self) -> Store:
        """The store of the node."""
        return self.intake.store

    def now_ms(self) -> int:
        """The time in ms."""
        return self.intake.clock()
