"""One country is upgraded before another: nothing is lost, and the operator does nothing but start the new version."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

from node.runtime import daemon
from node.runtime.home import open_home
from node.runtime.open_node import open_node
from node.runtime.reader_processes import ReaderProcesses
from node.undecided import quarantine
from tests.support.code_lists import code_lists_without
from tests.support.exchange import report
from tests.support.processes import agreement, lab, ok, running, until

NEW = "CONTRABAND"


async def run_until_quarantined(home: Path) -> None:
    """The daemon in this process, ended by SIGTERM once a record is in quarantine."""
    async with asyncio.timeout(60), open_node(open_home(home)) as node:
        running_daemon = asyncio.create_task(daemon.run(node, lambda: None, ReaderProcesses(home, 1)))
        while True:
            if await node.store.read(quarantine.entries):
                break
            await asyncio.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)
        await running_daemon


def publish(home: Path, folder: Path) -> str:
    """One report with the new code."""
    import json

    file = folder / "report.json"
    file.write_text(json.dumps(report(subjects=[NEW])))
    [answer] = ok("publish", file, home=home)
    assert answer["outcome"] == "accepted"
    return str(answer["report_id"])


def receipt(home: Path, report_id: str) -> dict[str, Any]:
    """What the originator knows of its one recipient."""
    [answer] = ok("receipts", report_id, home=home)
    return answer


def test_a_report_with_a_new_code_is_stored_when_the_daemon_of_the_new_version_starts(tmp_path: Path) -> None:
    """The old daemon of GT quarantines it; the originator hears first that it was rejected, then that it is stored."""
    homes = lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"], (NEW,)))
    bz, gt = homes["BZ"], homes["GT"]
    with running(bz):
        report_id = publish(bz, tmp_path)
        with code_lists_without(tmp_path / "codes", subjects=NEW):
            asyncio.run(run_until_quarantined(gt))
        [kept] = ok("quarantine", "list", home=gt)
        with running(gt):
            until(lambda: receipt(bz, report_id)["outcome"] == "stored")
            after = ok("quarantine", "list", home=gt)
            found = ok("search", "--subject", NEW, home=gt)

    assert (kept["code"], kept["step"], kept["originator"]) == ("payload_code_unknown", 16, "BZ")
    assert after == []
    assert [message["report_id"] for message in found] == [report_id]
