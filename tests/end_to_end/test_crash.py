"""A node that is killed between any two statements has done its step or not begun it, and goes on from there."""

import asyncio
import json
import shutil
import sqlite3
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from broker import topology as topologies
from broker.bus import open_log
from tests.support import crash
from tests.support.contract import ok
from tests.support.exchange import report
from tests.support.processes import agreement, lab

SUBJECTS = ("CONTRABAND", "DRUG_TRAFFICKING", "CONTRABAND")
HELD = 2
TOPIC = f"intel.{topologies.default_region(topologies.default(), 'BZ')}.bz"


def published(home: Path, *subjects: str) -> list[str]:
    lines = [
        json.dumps(report(subjects=[subject], narrative={"text": f"Report {number}.", "language": "en"})).encode()
        for number, subject in enumerate(subjects)
    ]
    return [answer["report_id"] for answer in ok("publish", "-", home=home, data=b"\n".join(lines))]


def query(home: Path, text: str) -> list[tuple[Any, ...]]:
    """Rows of a home's store, read directly after the crash."""
    with sqlite3.connect(home / "store.db") as db:
        rows = db.execute(text).fetchall()
    db.close()
    return rows


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """A lab in which GT has to read three records of BZ (it may hold two) and one without a sender, and to send one."""
    homes = lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"], ("CONTRABAND",)))
    folder = homes["GT"].parent
    bus = f"sqlite:///{folder / 'log.db'}"
    published(homes["BZ"], *SUBJECTS)
    asyncio.run(crash.step(homes["BZ"], bus))

    async def foreign() -> None:
        log = open_log(bus, folder)
        await log.append(TOPIC, [b"no record"])
        await log.close()

    asyncio.run(foreign())
    published(homes["GT"], "CONTRABAND")
    return folder


@pytest.mark.parametrize("stride", [13, pytest.param(1, marks=pytest.mark.slow)])
def test_a_kill_between_any_two_statements_loses_and_doubles_nothing(stride: int, before: Path, tmp_path: Path) -> None:
    """Position, chain, reports and quarantine change together; an accepted report is sealed once."""
    for statement in count(1, stride):
        here = tmp_path / str(statement)
        shutil.copytree(before, here)
        home, bus = here / "gt", f"sqlite:///{here / 'log.db'}"
        killed = crash.step_killed_before(statement, home, bus)
        read = dict(query(home, f"SELECT topic, position FROM reading WHERE topic = '{TOPIC}'"))
        [(held,)] = query(home, "SELECT count(*) FROM message WHERE originator = 'BZ'")
        [(refused,)] = query(home, "SELECT count(*) FROM quarantine")
        assert (read.get(TOPIC, 0), held, refused) in [(0, 0, 0), (4, HELD, 1)], statement

        for _ in range(2):
            asyncio.run(crash.step(home, bus))
        rows = query(home, "SELECT originator, sequence FROM message ORDER BY originator, sequence")
        assert rows == [("BZ", 1), ("BZ", 3), ("GT", 1)], statement
        assert query(home, "SELECT code FROM quarantine") == [("framing_invalid",)], statement
        assert query(home, "SELECT * FROM finding") == [], statement
        assert query(home, "SELECT sequence FROM draft") == [(1,)], statement
        shutil.rmtree(here)
        if not killed:
            return
    raise AssertionError("unreachable")
