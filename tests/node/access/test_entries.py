"""node/access/entries.py: the access log as a data-protection officer reads it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from node.access import entries
from node.access.entries import AccessEntry, list_entries
from node.database.engine import Store, Transaction
from node.store import access_log
from node.store.access_log import Consultation, EntryFilter, Operation


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """Seven entries at the times 1 to 7: a report of `bz`, and questions of three users."""
    opened = await Store.open(f"sqlite:///{tmp_path / 'store.db'}")

    def write(db: Transaction) -> None:
        access_log.add(db, Operation.COLLECTION, actor="bz", subjects=[("report", "Act s. 1")], now=1)
        users = ("ana (uid 1)", "anabel (uid 2)", "an_ (uid 3)", "ana (uid 1)", "ana", "ana (uid 1)")
        for now, user in enumerate(users, start=2):
            asked = Consultation(query=f"PLATE=P{now}", subjects=["m"][: now % 2], purpose="CROSS_CHECKING", reason="x")
            access_log.add_consultations(db, [asked], actor=user, command="check", now=now)

    await opened.write(write)
    yield opened
    await opened.close()


async def listed(store: Store, *, since: int = 0, actor: str | None = None) -> list[AccessEntry]:
    """The entries that are listed."""
    wanted = EntryFilter(since=since, actor=actor)
    return [entry async for entry in list_entries(store, wanted=wanted)]


async def test_entries_are_listed_as_they_were_written(store: Store) -> None:
    """The oldest first; a question that found nothing has no subject."""
    first, second, third, *_ = await listed(store)

    assert (first.operation, first.actor, first.subject, first.detail) == ("COLLECTION", "bz", "report", "Act s. 1")
    assert (first.purpose, first.reason, first.query, first.hits) == (None, None, None, None)
    assert (second.at, second.query, second.subject, second.hits) == (2, "PLATE=P2", None, 0)
    assert (third.at, third.query, third.subject, third.hits) == (3, "PLATE=P3", "m", 1)
    assert (third.purpose, third.reason, third.detail) == ("CROSS_CHECKING", "x", "check")


@pytest.mark.parametrize(
    ("since", "actor", "times"),
    [
        (0, None, [1, 2, 3, 4, 5, 6, 7]),
        (6, None, [6, 7]),
        (8, None, []),
        (0, "ana", [2, 5, 6, 7]),
        (3, "ana (uid 1)", [5, 7]),
        (0, "an_", [4]),
        (0, "an", []),
        (0, "%", []),
    ],
)
@pytest.mark.parametrize("together", [1, 2, 500])
async def test_entries_are_chosen_by_time_and_by_user(
    store: Store, monkeypatch: pytest.MonkeyPatch, since: int, actor: str | None, times: list[int], together: int
) -> None:
    """The login name is enough, and it is no pattern; pages of any size list the same."""
    monkeypatch.setattr(entries, "ENTRIES_TOGETHER_MAX", together)

    assert [entry.at for entry in await listed(store, since=since, actor=actor)] == times


@pytest.mark.parametrize(
    ("actor", "times"),
    [
        ("case-system", [8, 9]),
        ("token case-system", [8, 9]),
        ("token case-system (0b1c2d3e4f5a)", [8]),
        ("case-system (0b1c2d3e4f5a)", []),
        ("case", []),
        ("token", []),
    ],
)
async def test_entries_of_a_program_are_chosen_by_the_name_of_its_token(
    store: Store, actor: str, times: list[int]
) -> None:
    """All tokens of the name count, because a token that replaces another keeps it."""

    def write(db: Transaction) -> None:
        for now, id_ in ((8, "0b1c2d3e4f5a"), (9, "ffffffffffff")):
            asked = Consultation(query="PLATE=P1", subjects=[], purpose="CROSS_CHECKING", reason="x")
            access_log.add_consultations(
                db, [asked], actor=f"token case-system ({id_})", command="check", now=now, poll=True
            )

    await store.write(write)

    assert [entry.at for entry in await listed(store, actor=actor)] == times
