"""node/access_chain/repeated_polls.py: empty polls of a machine are counted, and the chain covers each of them."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select, text

from node.access_chain import repeated_polls
from node.access_chain.repeated_polls import COUNTED_MS_MAX
from node.database.access_tables import access_poll
from node.database.engine import Store, Transaction
from node.store import access_log
from node.store.access_log import Consultation, Entry
from tests.node.access_chain.test_append import chained
from tests.support import postgres

NOW = 1_790_000_000_000
TOKEN = "token case-system (0b1c2d3e)"


@pytest.fixture(params=["sqlite", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """A new store."""
    url = f"sqlite:///{tmp_path / 'store.db'}" if request.param == "sqlite" else postgres.database()
    opened = await Store.open(url)
    yield opened
    await opened.close()


async def poll(store: Store, now: int, *subjects: str, query: str = "PLATE=A1", actor: str = TOKEN) -> None:
    """One poll and what it found."""
    asked = Consultation(query=query, subjects=subjects, purpose="P", reason="watch")
    await store.write(
        partial(access_log.add_consultations, consultations=[asked], actor=actor, command="search", now=now, poll=True)
    )


async def log(store: Store) -> list[Entry]:
    """The entries."""
    await store.read(chained)
    return await store.read(partial(access_log.entries, after=0, limit=1000))


async def count(store: Store) -> list[int]:
    """What is counted and not written yet."""

    def read(db: Transaction) -> list[int]:
        return list(db.execute(select(access_poll.c.count).order_by(access_poll.c.query)).scalars())

    return await store.read(read)


async def test_repetitions_without_a_hit_are_counted(store: Store) -> None:
    """The first one has an entry; the others are one number, which is in the store before each answer."""
    for second in range(10):
        await poll(store, NOW + second * 1000)

    assert [(entry.at, entry.hits) for entry in await log(store)] == [(NOW, 0)]
    assert await count(store) == [9]


async def test_a_hit_ends_the_count_and_has_its_own_entries(store: Store) -> None:
    for second in range(3):
        await poll(store, NOW + second * 1000)
    await poll(store, NOW + 5000, "m1", "m2")
    await poll(store, NOW + 6000)
    first, repeated, hit, other, again = await log(store)

    assert (first.subject, first.hits) == ("", 0)
    assert (repeated.actor, repeated.query, repeated.hits, repeated.at) == (TOKEN, "PLATE=A1", 0, NOW + 5000)
    assert "2 more times without a hit" in repeated.detail
    assert "until 2026-09-21T14:13:22Z, after the first at 2026-09-21T14:13:20Z" in repeated.detail
    assert [(entry.subject, entry.hits) for entry in (hit, other, again)] == [("m1", 2), ("m2", 2), ("", 0)]


async def test_after_an_hour_the_count_becomes_an_entry(store: Store) -> None:
    await poll(store, NOW)
    await poll(store, NOW + COUNTED_MS_MAX - 1)
    await poll(store, NOW + COUNTED_MS_MAX)
    first, repeated, again = await log(store)

    assert ("1 more times" in repeated.detail, again.at, again.detail) == (True, NOW + COUNTED_MS_MAX, "search")
    assert first.at == NOW
    assert await count(store) == [0]


async def test_a_clock_that_was_set_back_ends_the_count(store: Store) -> None:
    """A poll never counts for an hour that it is not in."""
    await poll(store, NOW)
    await poll(store, NOW - 1)

    assert [entry.at for entry in await log(store)] == [NOW, NOW - 1]


async def test_another_question_or_another_actor_has_its_own_count(store: Store) -> None:
    for second in range(2):
        await poll(store, NOW + second)
        await poll(store, NOW + second, query="PLATE=B2")
        await poll(store, NOW + second, actor="token other (1)")

    assert len(await log(store)) == 3
    assert await count(store) == [1, 1, 1]


async def test_the_daemon_writes_what_is_due(store: Store) -> None:
    await poll(store, NOW)
    await poll(store, NOW + 1)
    await poll(store, NOW + 2, query="PLATE=B2")
    due = await store.write(partial(repeated_polls.write_due, until=NOW + 1, now=NOW + 9))
    left = await store.read(partial(repeated_polls.has_due, until=NOW + 1))
    last = (await log(store))[-1]

    assert (due, left, last.at, last.hits) == (1, False, NOW + 9, 0)
    assert await count(store) == [0]


async def test_an_actor_with_very_many_questions_takes_no_more_room(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the limit each poll has an entry."""
    monkeypatch.setattr(repeated_polls, "POLLS_OF_ACTOR_MAX", 2)
    for number in range(4):
        for second in range(3):
            await poll(store, NOW + second, query=f"PLATE={number}")

    assert len(await count(store)) == 2
    assert len(await log(store)) == 2 + 2 * 3


async def test_a_question_with_a_nul_is_stored_on_both_databases(store: Store) -> None:
    await poll(store, NOW, query="a\x00b")
    await poll(store, NOW, query="a\x00b")

    assert [entry.query for entry in await log(store)] == ["a\\u0000b"]
    assert await count(store) == [1]


async def test_without_room_for_the_count_there_is_no_answer(store: Store) -> None:
    """The counter is written before the answer, like an entry: if it cannot be written, the poll fails."""
    await poll(store, NOW)
    await store.write(lambda db: db.execute(text("ALTER TABLE access_poll RENAME TO gone")))

    with pytest.raises(Exception, match="access_poll"):
        await poll(store, NOW + 1)
    await store.write(lambda db: db.execute(text("ALTER TABLE gone RENAME TO access_poll")))
