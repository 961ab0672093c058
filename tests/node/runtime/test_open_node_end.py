"""Closing a node: the store learns what the log has acknowledged."""

import asyncio
import json
from pathlib import Path

from node.runtime.home import open_home
from node.runtime.open_node import open_node
from node.runtime.open_store import open_store
from node.store import outbox
from node.store.outbox import OutboxCounts
from tests.support.contract import ok
from tests.support.exchange import report
from tests.support.processes import agreement, lab


def test_a_node_records_at_its_end_what_the_log_has_acknowledged(tmp_path: Path) -> None:
    """Otherwise the next start would send the grant and the report again."""
    home = lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))["BZ"]
    file = tmp_path / "report.json"
    file.write_text(json.dumps(report()))
    ok("publish", file, home=home)

    async def sent_twice() -> tuple[int, OutboxCounts, int]:
        async with open_node(open_home(home)) as node:
            first = await node.relay.step()
        async with open_store(open_home(home)) as store:
            counts = await store.read(outbox.counts)
        async with open_node(open_home(home)) as node:
            return first, counts, await node.relay.step()

    assert asyncio.run(sent_twice()) == (2, OutboxCounts(accepted=0, sealed=0, sent=2), 0)
