"""What has aged out leaves the store in small steps, and nothing leaves that a decision or a check still needs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from unittest.mock import patch

import pytest
from msgspec import structs
from sqlalchemy import select

from node.commands.quarantine import purge_quarantine
from node.database.receipt_tables import batch_outcome
from node.database.record_tables import quarantine, withheld
from node.database.stream_tables import granted, granted_part
from node.exchange.expired_again import take_back_expired
from node.exchange.reread import PositionRange, Rereader
from node.integrity.check_store import check_store
from node.limits import DAY_MS
from node.retention import age_rules
from node.retention.ageing import QUIET_MS as QUIET_MS_OF_GRANTS
from node.retention.ageing import Ageing
from node.sealing.seal import open_type_leaf
from node.sending.seal_receipts import QUIET_MS
from node.system_random import random_bytes
from node.undecided import usage
from node.undecided.quarantine_filter import Filter
from node.undecided.usage import Budget, Usage
from schemas.avro import codec
from schemas.types import MessageType
from tests.support import floods
from tests.support.bed import GRANTS, REPORTS, Bed, bed
from tests.support.floods import MANY, few, rows_of, used
from tests.support.readers import granted as granted_to
from tests.support.records import AudienceKey

MONTH = 31 * DAY_MS


class Scene:
    """GT with a job that deletes what is old."""

    def __init__(self, made: Bed) -> None:
        self.bed = made
        self.ageing = Ageing(
            store=made.gt.store,
            bus=made.made.bus,
            node="GT",
            places=made.gt.subscriber.places,
            clock=made.made.clock,
        )

    async def pass_time(self, milliseconds: int, *, of_reports: bool = False) -> None:
        """Time passes for all: BZ and MX seal something that GT reads. BZ seals a grant, or a report that waits."""
        self.bed.made.clock.now += milliseconds
        bz, mx = self.bed.bz, self.bed.mx
        bz.now = mx.now = self.bed.made.clock.now
        if of_reports:
            await self.bed.read(bz.message(AudienceKey.new(bz, grant=77)))
        else:
            await self.bed.read(bz.grant(granted_to(bz)[1]), topic=GRANTS)
        await self.bed.read(mx.message(AudienceKey.new(mx, grant=77)), topic="intel.caribbean.mx")

    async def age(self, steps: int = 8) -> int:
        """So many steps; returns how many rows left."""
        return sum([await self.ageing.step() for _ in range(steps)])

    async def grants(self) -> list[int]:
        """The sequences of BZ's grants."""
        statements = [select(table.c.sequence).where(table.c.originator == "BZ") for table in (granted, granted_part)]
        return sorted(
            await self.bed.gt.store.read(
                lambda db: [row for statement in statements for row in db.scalars(statement).all()]
            )
        )

    async def is_whole(self) -> bool:
        """Whether `db check` finds nothing."""
        return not (await self.bed.gt.store.read(partial(check_store, node="GT"))).findings


@asynccontextmanager
async def scene(folder: Path) -> AsyncIterator[Scene]:
    async with bed(folder) as made:
        yield Scene(made)


async def test_a_grant_leaves_when_every_message_under_it_was_decided_and_a_month_has_passed(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        await here.bed.read(*(here.bed.bz.message(here.bed.key) for _ in range(3)))
        early = await here.age()
        await here.pass_time(MONTH)
        await here.age()

        assert early == 0
        assert await here.grants() == [2]  # a new one
        assert await here.bed.held() == [1, 2, 3]
        assert (await used(here.bed, Budget.GRANTS)).rows == 1
        assert await here.is_whole()


async def test_a_clock_that_is_far_ahead_deletes_nothing(tmp_path: Path) -> None:
    """Others have sealed nothing since, so that time has not passed."""
    async with scene(tmp_path) as here:
        await here.bed.read(here.bed.bz.message(here.bed.key))
        await here.pass_time(DAY_MS)
        here.bed.made.clock.now += 10 * 365 * DAY_MS

        assert await here.age() == 0
        assert await here.grants() == [1, 2]


async def test_a_grant_stays_while_a_stream_of_its_originator_is_not_read_beyond_it(tmp_path: Path) -> None:
    """A report that is under the grant may still come from there. Once it was read, the grant leaves."""
    async with scene(tmp_path) as here:
        await here.bed.read(here.bed.bz.message(here.bed.key))
        late = here.bed.bz.message(here.bed.key)
        await here.pass_time(MONTH)
        await here.bed.send(late)
        kept = await here.age(), await here.grants()
        await here.bed.read()
        await here.age()

        assert kept == (0, [1, 2])
        assert await here.bed.held() == [1, 2]
        assert await here.grants() == [2]


async def test_a_grant_that_a_waiting_record_names_stays(tmp_path: Path) -> None:
    """The record waits for the last part of its grant, and needs the first part then."""
    async with scene(tmp_path) as here:
        key, body = granted_to(here.bed.bz)
        entries = {entry.recipient: entry for entry in body.entries}
        parts = [structs.replace(body, entries=(entries[code],)) for code in ("MX", "GT")]
        leaves = [
            open_type_leaf(MessageType.KEY_GRANT, codec.encode(part), message_id=random_bytes(16)) for part in parts
        ]
        first, second = here.bed.bz.batch(leaves, stream="keys")
        await here.bed.read(first, topic=GRANTS)
        await here.bed.read(here.bed.bz.message(AudienceKey(key=key.key, key_id=key.key_id, grant=3)))
        await here.pass_time(MONTH)
        await here.age()
        kept = await here.grants(), (await here.bed.counts())["waiting"]
        await here.bed.read(second, topic=GRANTS)

        assert kept[0] == [2, 4]
        assert kept[1] == 2
        assert await here.bed.held() == [1]


async def drain(rereader: Rereader) -> None:
    """Read everything again that was asked for."""
    while not rereader.is_done:
        await rereader.step()


async def test_records_that_are_read_again_after_their_grant_left_do_not_wait_for_it(tmp_path: Path) -> None:
    """They were decided: what was stored stays stored, and what was for others is a duplicate."""
    async with scene(tmp_path) as here:
        other, body = granted_to(here.bed.bz)
        for_mx = structs.replace(body, entries=tuple(entry for entry in body.entries if entry.recipient == "MX"))
        await here.bed.read(here.bed.bz.grant(for_mx), topic=GRANTS)
        await here.bed.read(
            here.bed.bz.message(here.bed.key),
            here.bed.bz.message(AudienceKey(key=other.key, key_id=other.key_id, grant=2)),
        )
        await here.pass_time(MONTH)
        await here.age()
        before = await here.bed.counts(), await here.grants()
        rereader = Rereader(
            store=here.bed.gt.store,
            bus=here.bed.made.bus,
            judge=lambda: here.bed.gt.judge,
            places=here.bed.gt.subscriber.places,
            clock=here.bed.gt.clock,
        )
        rereader.add([PositionRange(REPORTS, 0, 2)])
        await drain(rereader)

        assert before[1] == [3]
        assert await here.bed.counts() == before[0]
        rereader.add([PositionRange(GRANTS, 0, 2)])
        await drain(rereader)
        assert await here.grants() == [1, 2, 3]


async def test_grants_at_their_limit_make_room_and_the_paused_stream_is_read_on(tmp_path: Path) -> None:
    """A node that begins to read a long history needs no room for all its grants at once."""
    async with scene(tmp_path) as here:
        with few(Budget.GRANTS):
            for _ in range(MANY):
                key, body = granted_to(here.bed.bz)
                sequence = here.bed.bz.heads["keys"].next_sequence
                await here.bed.send(here.bed.bz.grant(body), topic=GRANTS)
                await here.bed.send(here.bed.bz.message(AudienceKey(key=key.key, key_id=key.key_id, grant=sequence)))
                here.bed.bz.now += 40 * DAY_MS // MANY
            here.bed.made.clock.now = here.bed.bz.now
            await here.bed.gt.read()
            paused = await here.bed.findings()
            for _ in range(3 * MANY):
                await here.pass_time(5 * DAY_MS, of_reports=True)
                await here.age(2)
                await here.bed.gt.subscriber.retry_due()
                await here.bed.gt.read()

        assert ("originator_paused", None) in paused
        assert len(await here.bed.held()) == MANY
        assert await here.grants() == []


async def test_sent_outcomes_leave_after_a_month_and_earlier_if_the_originator_has_no_room(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        await floods.messages(here.bed)
        due = await here.age(), await _outcomes(here)
        here.bed.made.clock.now += QUIET_MS
        await here.bed.gt.receipt_sealer.step()
        young = await here.age(), await _outcomes(here)
        with few(Budget.OUTCOMES):
            await here.age()
        full = await _outcomes(here)

        assert due == (0, MANY + 1)
        assert young == (0, MANY + 1)
        assert full == 0
        assert (await used(here.bed, Budget.OUTCOMES)).rows == 0
        await here.pass_time(MONTH)
        here.bed.made.clock.now += QUIET_MS
        await here.bed.gt.receipt_sealer.step()
        assert await here.is_whole()


async def _outcomes(here: Scene) -> int:
    return await here.bed.gt.store.read(partial(rows_of, batch_outcome))


async def test_findings_that_have_ended_leave_after_a_time_and_make_room(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        values = [here.bed.bz.message(here.bed.key) for _ in range(2 * MANY)]
        with few():
            for value in values[1::2]:
                await here.bed.read(value)
            full = await here.bed.findings()
            for value in values[::2]:
                await here.bed.read(value)
            young = await here.age(), await here.bed.findings()
            with patch.object(age_rules, "FINDINGS_KEPT_MS", DAY_MS):
                await here.pass_time(2 * DAY_MS)
                await here.age()
            after = await here.bed.findings()

        assert ("findings_full", None) in full
        assert young[0] == 0
        assert ("findings_full", None) in young[1]
        assert after == []
        assert (await used(here.bed, Budget.FINDINGS)).rows == 0
        assert await here.is_whole()


async def test_a_gap_that_stands_never_leaves(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        values = [here.bed.bz.message(here.bed.key) for _ in range(3)]
        await here.bed.read(values[0], values[2])
        with patch.object(age_rules, "FINDINGS_KEPT_MS", DAY_MS):
            await here.pass_time(2 * DAY_MS)
            await here.age()

        assert ("chain_gap", 2) in await here.bed.findings()


@pytest.mark.parametrize("what", ["withheld", "purged"])
async def test_notes_and_digests_leave_after_a_time(what: str, tmp_path: Path) -> None:
    table = {"withheld": withheld, "purged": quarantine}[what]
    async with scene(tmp_path) as here:
        await (floods.withheld if what == "withheld" else floods.garbage)(here.bed)
        if what == "purged":
            await purge_quarantine(here.bed.gt.store, Filter(), actor="ana")
        young = await here.age(), await here.bed.gt.store.read(partial(rows_of, table))
        with patch.multiple(age_rules, NOTES_KEPT_MS=DAY_MS, PURGED_KEPT_MS=DAY_MS):
            await here.pass_time(2 * DAY_MS)
            left = await here.age()

        assert young == (0, MANY)
        assert left == MANY
        assert await here.bed.gt.store.read(partial(rows_of, table)) == 0
        assert await here.is_whole()


async def test_records_in_quarantine_with_their_bytes_never_leave_by_age(tmp_path: Path) -> None:
    """A document may make them valid; an operator purges them."""
    async with scene(tmp_path) as here:
        await floods.garbage(here.bed)
        with patch.multiple(age_rules, NOTES_KEPT_MS=DAY_MS, PURGED_KEPT_MS=DAY_MS):
            await here.pass_time(2 * DAY_MS)

            assert await here.age() == 0
        assert await here.bed.gt.store.read(partial(rows_of, quarantine)) == MANY


async def test_what_is_kept_about_the_room_is_counted_again_by_the_check(tmp_path: Path) -> None:
    """A number that is wrong would pause an originator or let it fill the store."""
    async with scene(tmp_path) as here:
        await floods.gaps(here.bed)
        await floods.withheld(here.bed)
        await here.bed.read(b"garbage", here.bed.bz.message(AudienceKey.new(here.bed.bz, grant=9)))
        whole = await here.is_whole()
        await here.bed.gt.store.write(lambda db: usage.add(db, [("BZ", Budget.CHAIN, Usage(1))]))
        found = (await here.bed.gt.store.read(partial(check_store, node="GT"))).findings

        assert whole
        assert [(finding.code, finding.table) for finding in found] == [("count_differs", "usage")]


async def test_grants_stay_until_what_a_wrong_clock_withheld_was_decided_again(tmp_path: Path) -> None:
    """A message that was withheld as expired, and has not expired, needs its grant when it is read again."""
    async with scene(tmp_path) as here:
        clock = here.bed.made.clock
        await here.bed.read()
        value = here.bed.bz.message(here.bed.key)
        clock.now += 3 * 365 * DAY_MS
        await here.bed.read(value)
        clock.now -= 3 * 365 * DAY_MS
        expired = (await here.bed.counts())["withheld"]
        await here.pass_time(MONTH)
        early = await here.age(), await here.grants()
        await take_back_expired(here.bed.gt.store, lambda _: True, clock.now)
        at_once = await here.age(), await here.grants()
        await here.bed.gt.subscriber.retry_all()
        await here.bed.gt.read()
        clock.now += QUIET_MS_OF_GRANTS
        await here.age()

        assert (expired, early, at_once) == (1, (0, [1, 2]), (0, [1, 2]))
        assert await here.bed.held() == [1]
        assert await here.grants() == [2]
