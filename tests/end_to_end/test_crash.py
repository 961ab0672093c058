"""A node that is killed between any two statements has done its step or not begun it, and goes on from there."""

import asyncio
import json
import shutil
from itertools import count
from pathlib import Path

import pytest

from broker import topology as topologies
from broker.bus import open_log
from tests.support import crash, stores
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


@pytest.fixture
def before(database: str, tmp_path: Path) -> Path:
    """A lab in which GT has to read three records of BZ (it may hold two) and one without a sender, and to send one."""
    homes = lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"], ("CONTRABAND",)))
    stores.use(database, homes.values())
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


@pytest.mark.parametrize(
    ("database", "stride"),
    [
        (stores.SQLITE, 13),
        (stores.POSTGRESQL, 29),
        *(pytest.param(database, 1, marks=pytest.mark.slow) for database in stores.DATABASES),
    ],
)
def test_a_kill_between_any_two_statements_loses_and_doubles_nothing(stride: int, before: Path, tmp_path: Path) -> None:
    """Position, chain, reports and quarantine change together; an accepted report is sealed once."""
    for statement in count(1, stride):
        here = tmp_path / str(statement)
        shutil.copytree(before, here)
        home, bus = here / "gt", f"sqlite:///{here / 'log.db'}"
        stores.separate(home)
        killed = crash.step_killed_before(statement, home, bus)
        read = dict(stores.rows(home, f"SELECT topic, position FROM reading WHERE topic = '{TOPIC}'"))
        [(held,)] = stores.rows(home, "SELECT count(*) FROM message WHERE originator = 'BZ'")
        [(refused,)] = stores.rows(home, "SELECT count(*) FROM quarantine")
        assert (read.get(TOPIC, 0), held, refused) in [(0, 0, 0), (4, HELD, 1)], statement

        for _ in range(2):
            asyncio.run(crash.step(home, bus))
        rows = stores.rows(home, "SELECT originator, sequence FROM message ORDER BY originator, sequence")
        assert rows == [("BZ", 1), ("BZ", 3), ("GT", 1)], statement
        assert stores.rows(home, "SELECT code FROM quarantine") == [("framing_invalid",)], statement
        assert stores.rows(home, "SELECT * FROM finding") == [], statement
        assert stores.rows(home, "SELECT sequence FROM draft") == [(1,)], statement
        stores.remove(home)
        shutil.rmtree(here)
        if not killed:
            return
    raise AssertionError("unreachable")
