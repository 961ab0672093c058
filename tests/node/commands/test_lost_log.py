"""The manual's procedure for a log that lost reports before a recipient read them, with the commands that it names."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from broker import topology as topologies
from broker.embedded.log import EmbeddedLog
from broker.streams import KEYS, intel_stream, topic_of
from node.runtime.home import open_home
from node.runtime.open_node import open_bus, open_node
from node.sending.unserved import RECEIPT_WAIT_MS_MAX
from tests.support.contract import cli
from tests.support.processes import agreement, lab, ok, publish, search_all

REGION = "caribbean"


async def _step(homes: Sequence[Path]) -> None:
    for home in homes:
        async with open_node(open_home(home)) as node:
            await node.subscriber.start()
            for _ in range(2):
                while await node.subscriber.step(0):
                    pass
                await node.relay.step()
                with patch("node.sending.seal_receipts.QUIET_MS", 0):
                    await node.receipt_sealer.step()


def step(*homes: Path) -> None:
    """Let each node read, seal, send and read back."""
    asyncio.run(_step(homes))


async def _lose(home: Path, streams: Sequence[str]) -> None:
    opened = open_home(home)
    async with open_bus(opened) as bus:
        assert isinstance(bus, EmbeddedLog)
        for stream in streams:
            await bus.delete_topic(topic_of(stream, opened.node))
        await bus.provision(topologies.specs_of(opened.topology))


def lose(home: Path, *streams: str) -> None:
    """The log loses own streams of a node; their topics exist again."""
    asyncio.run(_lose(home, streams))


def outcomes(home: Path, report_id: str) -> dict[str, list[str]]:
    """What the receipts about a report say, by recipient, one outcome for each message."""
    found: dict[str, list[str]] = {}
    for row in ok("receipts", report_id, home=home):
        found.setdefault(row["recipient"], []).append(row["outcome"])
    return found


def resend(home: Path, report_id: str, *to: str, at_once: bool = True) -> dict[str, Any]:
    """`outbox resend --lost`, as if the report was sealed long ago unless not `at_once`."""
    wait = 0 if at_once else RECEIPT_WAIT_MS_MAX
    parties = [text for code in to for text in ("--to", code)]
    with patch("node.sending.unserved.RECEIPT_WAIT_MS_MAX", wait):
        [done] = ok("outbox", "resend", report_id, *parties, "--lost", home=home)
    return done


@pytest.fixture
def homes(tmp_path: Path) -> dict[str, Path]:
    """BZ may send to GT and MX."""
    return lab(tmp_path, ["BZ", "GT", "MX"], agreement("ALL", ["BZ", "GT", "MX"]))


@pytest.mark.parametrize("streams", [(intel_stream(REGION), KEYS), (intel_stream(REGION),)])
def test_a_report_that_the_log_lost_is_sent_again_to_the_party_that_had_not_read_it(
    homes: dict[str, Path], streams: tuple[str, ...]
) -> None:
    """In the end each party has it once, and the party that had it gets nothing more."""
    bz, gt, mx = homes["BZ"], homes["GT"], homes["MX"]
    [report_id] = publish(bz, "lost before Guatemala read it")
    step(bz, mx, bz)
    lose(bz, *streams)
    step(bz, gt, mx)
    missing = outcomes(bz, report_id)
    plain = ok("outbox", "resend", report_id, home=bz)[0]["outcome"]
    too_early = resend(bz, report_id, "GT", at_once=False)["outcome"]
    done = resend(bz, report_id, "GT", "MX")
    step(bz, gt, mx, bz)

    assert missing == {"GT": ["outstanding"], "MX": ["stored"]}
    assert (plain, too_early) == ("nothing", "waiting")
    assert (done["outcome"], done["audience"]) == ("resealed", ["GT"])
    assert [row["report_id"] for row in search_all(gt)] == [row["report_id"] for row in search_all(mx)] == [report_id]
    assert outcomes(bz, report_id) == {"GT": ["outstanding", "stored"], "MX": ["stored"]}
    assert resend(bz, report_id, "GT", "MX")["outcome"] == "nothing"


def test_a_report_whose_grant_was_lost_is_sent_again_to_the_party_where_it_waits(homes: dict[str, Path]) -> None:
    """The message that waits is dropped afterwards, as the manual says."""
    bz, gt, mx = homes["BZ"], homes["GT"], homes["MX"]
    [report_id] = publish(bz, "its grant is lost")
    step(bz, mx, bz)
    lose(bz, KEYS)
    step(bz, gt, bz)
    waits = outcomes(bz, report_id)
    done = resend(bz, report_id, "GT")
    step(bz, gt, bz)
    ok("pending", "drop", "--originator", "BZ", home=gt)

    assert waits["GT"] == ["waiting"]
    assert done["audience"] == ["GT"]
    assert [row["report_id"] for row in search_all(gt)] == [report_id]
    assert ok("pending", "list", home=gt) == []


def test_a_lost_report_is_sent_again_only_to_parties_that_are_named(homes: dict[str, Path]) -> None:
    """Only their operators know what their nodes have."""
    [report_id] = publish(homes["BZ"], "one")
    refused = cli("outbox", "resend", report_id, "--lost", home=homes["BZ"])

    assert refused.exit == 2
    assert refused.error["path"] == "--to"


def test_a_copy_that_is_on_its_way_is_not_sent_a_third_time(homes: dict[str, Path]) -> None:
    bz = homes["BZ"]
    [report_id] = publish(bz, "lost once")
    step(bz)
    lose(bz, intel_stream(REGION), KEYS)
    first = resend(bz, report_id, "GT")["outcome"]
    not_sealed = resend(bz, report_id, "GT")["outcome"]
    step(bz)
    no_receipt = resend(bz, report_id, "GT", at_once=False)["outcome"]

    assert (first, not_sealed, no_receipt) == ("resealed", "waiting", "waiting")
