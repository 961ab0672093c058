"""A report that refers to the report of another country leaves that report as it is (faults.md, row 61)."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.exchange import report
from tests.support.gateway import gateway
from tests.support.processes import agreement, lab, ok, publish, running, settle

THEIRS = "words of Guatemala"
OURS = "words of Belize"


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """BZ holds a report of GT."""
    homes = lab(tmp_path_factory.mktemp("references"), ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))
    publish(homes["GT"], THEIRS)
    exchange(homes)
    return homes


def exchange(homes: dict[str, Path]) -> None:
    """Let each node send and receive everything."""
    with running(*homes.values()):
        settle(*homes.values())
        settle(*homes.values())


def shown(home: Path, id_: str) -> list[tuple[str, str, str]]:
    """Originator, text and outcome of each message that `show` finds."""
    found: list[dict[str, Any]] = ok("show", id_, home=home)
    return [(one["originator"], one["report"]["narrative"]["text"], one["decision"]["outcome"]) for one in found]


async def handed_in(home: Path, mine: dict[str, Any], theirs: dict[str, Any]) -> tuple[httpx.Response, ...]:
    """Hand a report in twice, as one about an own message that is not there, and as one about the report of GT."""
    async with gateway(home) as node:
        return (
            await node.post("/v1/reports", {**mine, "refers_to": [f"BZ:{theirs['message_id']}"]}),
            await node.post("/v1/reports", {**mine, "refers_to": [theirs["message_id"]]}),
            await node.get(f"/v1/reports/{theirs['report_id']}", by="publish"),
            await node.get(f"/v1/reports/{theirs['message_id']}", by="publish"),
        )


def test_a_report_cannot_supersede_that_of_another_originator(nodes: dict[str, Path]) -> None:
    """Not by referring to it, not with its report id, and not with both: each country keeps its own."""
    [theirs] = ok("search", "--text", "Guatemala", home=nodes["BZ"])
    mine = report(narrative={"text": OURS, "language": "en"}, report_id=theirs["report_id"])
    claimed, accepted, own, none = asyncio.run(handed_in(nodes["BZ"], mine, theirs))
    exchange(nodes)

    assert [(error["path"], error["code"]) for error in claimed.json()["errors"]] == [
        ("refers_to[0]", "unknown_message")
    ]
    assert (accepted.status_code, none.status_code) == (202, 404)
    assert (own.json()["message_id"], own.json()["others"]) == (accepted.json()["message_id"], [])
    for home in nodes.values():
        assert shown(home, theirs["message_id"]) == [("GT", THEIRS, "stored")]
        assert sorted(shown(home, theirs["report_id"])) == [("BZ", OURS, "stored"), ("GT", THEIRS, "stored")]
        for word, originator in (("Guatemala", "GT"), ("Belize", "BZ")):
            [found] = ok("search", "--text", word, home=home)
            assert found["originator"] == originator
        assert ok("receipts", theirs["report_id"], home=home)[0]["outcome"] == "stored"
