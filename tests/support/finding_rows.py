"""The rows of `findings` in the table of commands: a finding that a fault of the log left behind."""

import asyncio
from pathlib import Path
from typing import Any

from node.clock import now_ms
from node.runtime.home import open_home
from node.runtime.open_store import open_store
from node.stages import StreamId
from node.store import stream_findings
from tests.support.contract import ok

PLACE = StreamId(stream="intel.caribbean", originator="BZ")
CODE = "records_lost"


async def _note(home: Path) -> None:
    async with open_store(open_home(home)) as store:
        await store.write(lambda db: stream_findings.add(db, CODE, PLACE, sequence=None, position=3, now=now_ms()))


def listed(home: Path) -> list[dict[str, Any]]:
    """`findings list` after a fault of the log was noted."""
    asyncio.run(_note(home))
    return ok("findings", "list", home=home)


def acknowledged(home: Path) -> list[dict[str, Any]]:
    """`findings acknowledge` of such findings."""
    wanted = [found["id"] for found in listed(home) if found["code"] == CODE]
    return ok("findings", "acknowledge", *wanted, "--reason", "ticket 4711", home=home)
