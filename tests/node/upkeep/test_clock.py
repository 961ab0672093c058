"""`clock show` and `clock confirm`: the way out of a stream that was sealed under a clock that was ahead."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from node.clock import now_ms
from node.errors import Unavailable
from node.runtime.home import open_home
from node.runtime.open_node import open_node
from tests.support import stores
from tests.support.contract import cli, ok, step
from tests.support.processes import agreement, lab, publish

HOUR = 3_600_000


@pytest.fixture(params=stores.DATABASES)
def homes(tmp_path: Path, request: pytest.FixtureRequest) -> dict[str, Path]:
    """BZ has sealed one report while its clock was an hour ahead."""
    made = lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))
    stores.use(request.param, made.values())
    publish(made["BZ"], "alfa")
    asyncio.run(sealed(made["BZ"], HOUR))
    return made


async def sealed(home: Path, offset: int) -> None:
    async with open_node(open_home(home), now=lambda: now_ms() + offset) as node:
        await node.subscriber.start()
        await node.relay.step()


def texts(home: Path) -> list[str]:
    return sorted(row["report"]["narrative"]["text"] for row in ok("search", "--all", home=home))


def status(home: Path) -> dict[str, Any]:
    return ok("status", home=home)[0]


def test_a_stream_that_ends_in_the_future_goes_on_after_the_operator_confirmed_the_clock(
    homes: dict[str, Path],
) -> None:
    """Until then nothing is sealed; then every node holds the report of the wrong clock and the later ones."""
    bz, gt = homes["BZ"], homes["GT"]
    publish(bz, "bravo")
    with pytest.raises(Unavailable, match="dated") as refused:
        step(bz, gt)
    before = cli("clock", "show", home=bz)
    [confirmed] = ok("clock", "confirm", home=bz)
    after = cli("clock", "show", home=bz)
    for _ in range(2):
        step(bz, gt)

    assert refused.value.code == "head_in_future"
    assert before.exit == 1
    assert [head["stream"] for head in before.objects[0]["heads_in_future"]] == ["intel.caribbean", "keys"]
    assert confirmed["corrected"] == ["intel.caribbean", "keys"]
    assert (after.exit, after.objects[0]["heads_in_future"]) == (0, [])
    assert texts(bz) == texts(gt) == ["alfa", "bravo"]
    for home in (bz, gt):
        assert status(home)["counts"]["quarantined"] == 0
        assert status(home)["counts"]["held"] == 0
        assert ok("db", "check", home=home)[0]["findings"] == []
    assert cli("audit", "replay", home=gt).objects[0]["findings"] == []


def test_a_clock_that_is_right_is_shown_as_plausible_with_what_others_sealed(tmp_path: Path) -> None:
    made = lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))
    publish(made["BZ"], "alfa")
    step(made["BZ"], made["GT"])
    [shown] = ok("clock", "show", home=made["GT"])

    assert (shown["plausible"], shown["problem"], [other["originator"] for other in shown["others"]]) == (
        True,
        None,
        ["BZ"],
    )
    assert ok("clock", "confirm", home=made["GT"])[0]["corrected"] == []
