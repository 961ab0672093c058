"""The gateway as a job of the daemon. Its modules are imported only if the home has a gateway."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from node.runtime.home import Home
from node.runtime.jobs import Job
from node.runtime.open_intake import OpenIntake, publisher
from node.runtime.open_node import OpenNode

if TYPE_CHECKING:
    from node.gateway.server import Further


@contextmanager
def jobs_of_gateway(home: Home, further: "Further") -> Iterator[Sequence[Job]]:
    """The job that serves the gateway, which is bound during the block; empty without a gateway.

    `further` makes what the gateway serves beside its endpoints.
    Raises UsageError, and Unavailable if another process has the address.
    """
    if home.config.gateway.listen is None and home.config.gateway.socket is None:
        yield ()
        return
    from node.gateway.server import bound_gateway

    with bound_gateway(home, further) as gateway:

        async def serve(node: OpenNode, stopping: asyncio.Event) -> None:
            await gateway.serve(intake_of(node), stopping, node.heartbeats)

        yield (Job(name="gateway", run=serve),)


def intake_of(node: OpenNode) -> OpenIntake:
    """The intake on the store that the daemon has open."""
    return OpenIntake(
        home=node.home,
        clock=node.clock,
        store=node.store,
        documents=node.documents,
        publisher=publisher(node.home, node.store, node.documents, now=node.clock),
    )
