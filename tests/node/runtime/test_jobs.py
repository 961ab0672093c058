"""node/runtime/jobs.py: the end of a job."""

import asyncio
import json
from pathlib import Path

from node.runtime import jobs
from node.runtime.home import open_home
from node.runtime.open_node import open_node
from node.store import outbox
from node.store.outbox import OutboxCounts
from tests.support.contract import ok
from tests.support.exchange import report
from tests.support.processes import agreement, lab


def test_the_relay_records_at_its_end_what_the_log_has_acknowledged(tmp_path: Path) -> None:
    """Otherwise the next start would send the grant and the report again."""
    home = lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))["BZ"]
    file = tmp_path / "report.json"
    file.write_text(json.dumps(report()))
    ok("publish", file, home=home)

    async def relay_until_sent() -> tuple[OutboxCounts, int]:
        [relay] = [job for job in jobs.JOBS if job.name == "relay"]
        stopping = asyncio.Event()
        async with open_node(open_home(home)) as node, asyncio.timeout(60):
            await node.relay.step()
            stopping.set()
            await relay.run(node, stopping)
            counts = await node.store.read(outbox.counts)
        async with open_node(open_home(home)) as node:
            return counts, await node.relay.step()

    counts, sent_again = asyncio.run(relay_until_sent())

    assert counts == OutboxCounts(accepted=0, sealed=0, sent=2)
    assert sent_again == 0
