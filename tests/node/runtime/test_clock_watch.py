"""While the clock of a node is not plausible, nothing is sealed and nothing expires; afterwards nothing is lost."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pytest
import structlog.testing

from node.errors import Unavailable
from node.integrity import clock_checks
from node.limits import DAY_MS
from node.runtime.clock_watch import LOOK_MS, ClockWatch
from node.runtime.look_around import LookAround
from node.runtime.open_node import OpenNode
from node.stages import StreamId
from node.store import message_search, outbox, stream_findings, withheld_notes
from node.store.message_search import Query
from node.undecided import pending_lists
from node.uptime import SinceBoot
from schemas.types import IntelligenceReport
from tests.support.exchange import Exchange, TestNode, exchange

YEAR = 365 * DAY_MS


@dataclass
class Machine:
    """The clock of one node beside the true one, and the time that its machine runs."""

    made: Exchange
    offset: int = 0
    boot: str = "a"

    def now(self) -> int:
        return self.made.clock() + self.offset

    def since_boot(self) -> SinceBoot:
        return SinceBoot(boot=self.boot, ms=self.made.clock() - 1_700_000_000_000)


@dataclass
class Watched:
    """A node of an exchange with a clock of its own."""

    node: TestNode
    machine: Machine
    watch: ClockWatch

    async def publish(self, text: str) -> None:
        [answer] = await self.node.accept([self.node.draft(narrative={"text": text, "language": "en"})])
        assert answer.outcome == "accepted"
        await self.node.relay.step()

    async def texts(self) -> list[str]:
        found = await self.node.store.read(lambda db: message_search.search(db, Query(limit=100)))
        return sorted(cast(IntelligenceReport, message.report).narrative.text for message in found)

    async def findings(self) -> list[tuple[str, str]]:
        return [(finding.code, finding.stream) for finding in await self.node.store.read(stream_findings.standing)]


def watched(made: Exchange, code: str) -> Watched:
    """Give a node of the exchange a clock of its own, and what its daemon does about it."""
    node, machine = made.nodes[code], Machine(made)
    watch = ClockWatch(store=node.store, node=code, clock=machine.now, machine=machine.since_boot)

    async def may_seal(now: int) -> bool:
        await watch.require(now)
        return True

    node.clock = node.relay.clock = node.receipt_sealer.clock = machine.now  # type: ignore[assignment]
    object.__setattr__(node.publisher, "clock", machine.now)
    node.subscriber._clock = machine.now
    node.subscriber.rereader.clock = machine.now
    node.relay.may_seal = node.receipt_sealer.may_seal = may_seal
    return Watched(node, machine, watch)


@asynccontextmanager
async def three(folder: Path) -> AsyncIterator[tuple[Exchange, Watched, Watched]]:
    """BZ and GT are watched; MX has sealed something, and all have read it."""
    async with AsyncExitStack() as stack:
        made = await stack.enter_async_context(exchange(folder, "BZ", "GT", "MX"))
        bz, gt = watched(made, "BZ"), watched(made, "GT")
        await made.nodes["MX"].publish(narrative={"text": "from MX", "language": "en"})
        await bz.publish("alfa")
        await gt.publish("from GT")
        for node in made.nodes.values():
            await node.read()
        made.clock.now += LOOK_MS
        assert await bz.watch.look(bz.machine.now()) is None
        assert await gt.watch.look(gt.machine.now()) is None
        yield made, bz, gt


@pytest.mark.parametrize("offset", [YEAR, DAY_MS, 6 * 60_000, -DAY_MS, -YEAR])
async def test_nothing_is_sealed_while_the_clock_is_wrong_and_nothing_is_lost(tmp_path: Path, offset: int) -> None:
    """A finding and one alarm stand meanwhile. What was accepted is sealed at the right time, and read at once."""
    async with three(tmp_path) as (made, bz, gt):
        bz.machine.offset = offset
        with structlog.testing.capture_logs() as logged:
            await bz.watch.step()
            await bz.watch.step()
        with pytest.raises(Unavailable) as refused:
            await bz.publish("bravo")
        before = await bz.findings()
        bz.machine.offset = 0
        await bz.watch.step()
        await bz.publish("charlie")
        for node in made.nodes.values():
            await node.read()

        assert refused.value.code == "clock_implausible"
        assert before == [("clock_implausible", "*")]
        assert [event["event"] for event in logged] == ["clock_implausible"]
        assert await bz.findings() == await gt.findings() == []
        assert await gt.texts() == ["alfa", "bravo", "charlie", "from GT", "from MX"]


async def test_a_clock_that_was_set_while_the_exchange_was_silent_goes_on_when_another_node_seals(
    tmp_path: Path,
) -> None:
    async with three(tmp_path) as (made, bz, _):
        bz.machine.boot, made.clock.now = "b", made.clock.now + 2 * DAY_MS
        silent = await bz.watch.is_plausible(bz.machine.now())
        for code in ("GT", "MX"):
            await made.nodes[code].publish(narrative={"text": f"later {code}", "language": "en"})
        await bz.node.read()
        made.clock.now += 5_000

        assert silent is False
        assert await bz.watch.is_plausible(bz.machine.now()) is True


async def test_two_nodes_with_a_wrong_clock_stop_a_node_only_until_its_operator_confirms_its_own(
    tmp_path: Path,
) -> None:
    async with three(tmp_path) as (made, bz, gt):
        true = made.clock.now
        made.clock.now = true + DAY_MS
        await gt.publish("ahead")
        await made.nodes["MX"].publish(narrative={"text": "ahead too", "language": "en"})
        await bz.node.read()
        made.clock.now = true + LOOK_MS
        now, machine = bz.machine.now(), bz.machine.since_boot()
        stopped = await bz.watch.is_plausible(now)
        await bz.node.store.write(lambda db: clock_checks.note(db, "BZ", now, machine, confirmed=True))
        made.clock.now += LOOK_MS

        assert stopped is False
        assert await bz.watch.is_plausible(bz.machine.now()) is True


def around(watched_node: Watched) -> LookAround:
    """What the daemon of a node looks at between two fetches."""
    node = watched_node.node

    class Judging:
        judge = node.judge

        def current(self) -> object:
            return self.judge

        def trust_clock(self, trusted: bool) -> None:
            if self.judge.trusts_clock is not trusted:
                self.judge = node.judge = replace(self.judge, trusts_clock=trusted)

    class Opened:
        clock = staticmethod(watched_node.machine.now)
        clock_watch = watched_node.watch
        judge = Judging()
        store = node.store
        subscriber = node.subscriber
        share = None

        class home:  # noqa: N801, the name of an attribute
            @staticmethod
            def places(*_: object) -> dict[str, StreamId]:
                return {}

    opened: OpenNode = Opened()  # type: ignore[assignment]
    return LookAround(opened)


async def test_a_reader_whose_clock_is_ahead_holds_what_would_have_expired(tmp_path: Path) -> None:
    """It is stored when the clock is right again, and nothing was withheld."""
    async with three(tmp_path) as (_, bz, gt):
        gt.machine.offset = 5 * YEAR
        look = around(gt)
        await look.step()
        await bz.publish("bravo")
        await gt.node.read()
        held = [(record.outcome, record.reason) for record in await gt.node.store.read(pending_lists.kept)]
        noted = await gt.node.store.read(withheld_notes.notes)
        gt.machine.offset = 0
        await look.step()

        assert held == [("held", "clock")]
        assert noted == []
        assert "bravo" in await gt.texts()
        assert await gt.node.store.read(pending_lists.kept) == []


async def test_what_was_withheld_as_expired_under_a_wrong_clock_is_read_again(tmp_path: Path) -> None:
    """Nobody noticed that the clock was ahead. Messages that have really expired stay withheld."""
    async with three(tmp_path) as (_, bz, gt):
        gt.machine.offset = 5 * YEAR
        await bz.publish("bravo")
        await gt.node.read()
        noted = [note.code for note in await gt.node.store.read(withheld_notes.notes)]
        gt.machine.offset = 0
        look = around(gt)
        with structlog.testing.capture_logs() as logged:
            await look.step()
        await gt.node.read()

        assert noted == ["expired"]
        assert "expired_taken_back" in [event["event"] for event in logged]
        assert await gt.node.store.read(withheld_notes.notes) == []
        assert "bravo" in await gt.texts()


async def test_a_report_that_was_accepted_under_a_clock_that_was_ahead_gets_the_time_of_its_sealing(
    tmp_path: Path,
) -> None:
    async with three(tmp_path) as (made, bz, gt):
        bz.machine.offset = YEAR
        await bz.node.accept([bz.node.draft(narrative={"text": "bravo", "language": "en"})])
        bz.machine.offset = 0
        await bz.node.relay.step()
        await gt.node.read()
        found = await gt.node.store.read(lambda db: message_search.search(db, Query(texts=("bravo",))))
        heads = await bz.node.store.read(outbox.heads)

        assert [message.created_at for message in found] == [made.clock()]
        assert max(head.sealed_at for head in heads.values()) == made.clock()
