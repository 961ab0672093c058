"""The job of the daemon that watches the drop folder, if one is configured."""

import asyncio
from typing import Final

from node.drop_folder.drop_folder import drop_folder
from node.runtime.jobs import Job, pause, repeat
from node.runtime.open_intake import OpenIntake, publisher
from node.runtime.open_node import OpenNode

LOOK_SECONDS: Final = 1.0  # between two looks


async def _watch(node: OpenNode, stopping: asyncio.Event) -> None:
    intake = OpenIntake(
        home=node.home,
        clock=node.clock,
        store=node.store,
        documents=node.documents,
        publisher=publisher(node.home, node.store, node.documents, now=node.clock),
    )
    watched = drop_folder(intake)

    async def step() -> None:
        if watched is not None:
            await watched.step()
        await pause(LOOK_SECONDS, stopping)

    if watched is not None:
        await repeat("drop_folder", step, stopping)


JOB: Final = Job(name="drop_folder", run=_watch)
