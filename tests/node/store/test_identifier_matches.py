"""node/store/identifier_matches.py: the newest messages that have an identifier."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Select, text

from bench.large_reports import large_report
from bench.large_rows import Filling
from bench.large_store import fill
from node.database.engine import Store, Transaction
from node.database.record_tables import identifier
from node.database.statements import insert_rows
from node.limits import DAY_MS
from node.reports.questions import Question
from node.store import identifier_matches
from node.store.identifier_matches import ANYWHERE, IN_COUNTRY
from tests.support import postgres

NOW = 1_790_000_000_000
MESSAGES = 64


@pytest.fixture(params=["sqlite", "postgresql"])
async def store(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    """Messages 1 to 64, the newest last; each has a passport of BZ and a plate of MX. On each database."""
    opened = await Store.open(
        f"sqlite:///{tmp_path / 'store.db'}" if request.param == "sqlite" else postgres.database()
    )
    await fill(opened, Filling(messages=MESSAGES, now_ms=NOW))
    yield opened
    await opened.close()


def number_of(report_id: str) -> int:
    """The number of a message of the store."""
    return next(number for number in range(MESSAGES) if large_report(number).report_id == report_id) + 1


async def find(store: Store, question: Question, *, now: int = NOW, limit: int = 10) -> list[int]:
    """The numbers of the messages that are found."""
    found = await store.read(lambda db: identifier_matches.find(db, question, now=now, limit=limit))
    return [number_of(message.report_id) for message in found]


@pytest.mark.parametrize(
    ("country", "expected"), [(None, [3]), ("BZ", [3]), ("GT", [])], ids=["every country", "its country", "another"]
)
async def test_a_country_narrows_a_passport(store: Store, country: str | None, expected: list[int]) -> None:
    """A report that states another country does not fit."""
    passport = large_report(2).passport

    assert await find(store, Question(scheme="PASSPORT", value=passport, country=country)) == expected


async def test_a_report_that_states_no_country_fits_each(store: Store) -> None:
    """Phone numbers are worldwide; a name without a country could be from anywhere."""
    report = large_report(2)

    assert await find(store, Question(scheme="PHONE", value=report.phone, country="GT")) == [3]
    assert await find(store, Question(scheme="NAME", value=report.name, country="GT")) == [3]


async def test_the_newest_come_first_each_message_once_and_no_more_than_asked_for(store: Store) -> None:
    """A message may have the value in two countries."""

    def everywhere(db: Transaction) -> None:
        rows = [("PLATE", "SAME", number, country) for number in range(1, 9) for country in ("", "BZ", "MX")]
        insert_rows(db, identifier, ("scheme", "value", "message", "country"), rows)

    await store.write(everywhere)

    for country in (None, "BZ", "GT"):
        question = Question(scheme="PLATE", value="SAME", country=country)
        assert await find(store, question, limit=3) == [8, 7, 6]
        assert await find(store, question) == list(range(8, 0, -1))


async def test_an_expired_message_is_not_found(store: Store) -> None:
    """It is not erased yet, and nobody may use it."""
    question = Question(scheme="PASSPORT", value=large_report(2).passport, country=None)
    expires_at = await store.read(lambda db: db.execute(text("SELECT expires_at FROM message WHERE id = 3")).scalar())
    assert isinstance(expires_at, int)
    assert expires_at > NOW + DAY_MS

    assert await find(store, question, now=expires_at - 1) == [3]
    assert await find(store, question, now=expires_at) == []


@pytest.mark.parametrize("statement", [ANYWHERE, IN_COUNTRY], ids=["anywhere", "in a country"])
async def test_a_look_up_reads_a_range_of_an_index_and_never_a_table(store: Store, statement: Select[Any]) -> None:
    """So its cost does not grow with the number of messages."""
    values = {"scheme": "PLATE", "value": "X", "now": NOW, "at_most": 5, "country": "BZ"}

    def explain(db: Transaction) -> list[str]:
        compiled = statement.params(values).compile(dialect=db.dialect, compile_kwargs={"literal_binds": True})
        if db.dialect.name == "sqlite":
            return [row.detail for row in db.execute(text(f"EXPLAIN QUERY PLAN {compiled}"))]
        db.execute(text("SET LOCAL enable_seqscan = off"))  # 64 messages are less than an index
        return [row[0].strip() for row in db.execute(text(f"EXPLAIN {compiled}"))]

    steps = await store.read(explain)

    if store_is_sqlite(steps):
        assert any("identifier USING" in step and "scheme=? AND value=?" in step for step in steps), steps
        assert not [step for step in steps if step.startswith("SCAN") and "anon_1" not in step], steps
        assert not [step for step in steps if "TEMP B-TREE FOR GROUP BY" in step], steps
    else:
        assert any("Index" in step and "on identifier" in step for step in steps), steps
        assert any("Index Cond" in step and "scheme" in step and "value" in step for step in steps), steps
        assert not [step for step in steps if "Seq Scan" in step], steps


def store_is_sqlite(steps: list[str]) -> bool:
    return steps[0].startswith(("SCAN", "SEARCH", "CO-ROUTINE", "MATERIALIZE"))
