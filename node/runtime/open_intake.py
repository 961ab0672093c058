"""Opens the intake of a node: store, documents and publisher. It needs no private key, no bus and no daemon."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from broker.topology import Topology
from node import clock
from node.database.engine import Store
from node.runtime.home import Home
from node.runtime.installed_documents import InstalledDocuments
from node.runtime.open_store import open_store
from node.runtime.publishing_regions import publishing_topology
from node.sealing.randomness import NonRepeatingRandom
from node.sending.publish import Publisher
from node.system_random import random_bytes
from node.verification.own_work import why_not_sealed

Clock = Callable[[], int]
"""The time in ms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenIntake:
    """What takes reports in."""

    home: Home
    clock: Clock
    store: Store
    documents: InstalledDocuments
    publisher: Publisher

    def topology(self) -> Topology:
        """The topology with the regions in which this node may publish now. Raises UsageError."""
        return publishing_topology(self.home.topology, self.home.node, self.documents.governance, self.clock())

    def why_not_sealed(self) -> str | None:
        """Why nothing of this node can be sealed now, as far as its documents decide it; None if it can."""
        return why_not_sealed(self.documents.governance, self.home.node, self.clock())


@asynccontextmanager
async def open_intake(home: Home, *, now: Clock = clock.now_ms, existing: bool = False) -> AsyncIterator[OpenIntake]:
    """The intake of a node, with the documents as they are now; `publish` reads a changed folder again.

    Raises UsageError; with `existing`, also if there is no store.
    """
    documents = home.documents()
    async with open_store(home, existing=existing) as store:
        yield OpenIntake(
            home=home,
            clock=now,
            store=store,
            documents=documents,
            publisher=publisher(home, store, documents, now=now),
        )


def publisher(home: Home, store: Store, documents: InstalledDocuments, *, now: Clock = clock.now_ms) -> Publisher:
    """The publisher of a node on a store that is open."""
    return Publisher(
        store=store,
        node=home.node,
        governance=lambda: documents.governance,
        clock=now,
        random=NonRepeatingRandom(random_bytes),
    )
