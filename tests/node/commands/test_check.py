"""node/commands/check.py: answers to questions about identifiers, and what the access log keeps of them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
from sqlalchemy import Row, select

from bench.large_reports import large_report
from bench.large_rows import Filling
from bench.large_store import fill
from node.answers.plain_json import presentable
from node.commands.check import MATCHES_MAX, SHORT_PARTS_CHARS, check
from node.commands.justification import Justification
from node.database.access_tables import access_log
from node.database.engine import Store, Transaction
from node.database.record_tables import identifier
from node.database.statements import insert_rows
from node.errors import Unavailable
from node.reports.question_lines import RefusedQuestion, parse_question
from node.reports.questions import Question
from node.store import access_log as log
from node.store import identifier_matches
from node.store.identifier_matches import MatchingMessage

NOW = 1_790_000_000_000
MESSAGES = 64
WHY = Justification(purpose="CROSS_CHECKING", reason="control 17")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """64 messages."""
    opened = await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    await fill(opened, Filling(messages=MESSAGES, now_ms=NOW))
    yield opened
    await opened.close()


async def ask(store: Store, *lines: str) -> list[dict[str, Any]]:
    """The answers to lines, as JSON."""
    questions = [parse_question(line.encode()) for line in lines]
    return [presentable(answer) for answer in await check(store, questions, why=WHY, actor="ana", now_ms=NOW)]


def popular(db: Transaction, messages: int) -> None:
    """Give the first messages an identifier in common."""
    rows = [("CASE", "POPULAR", number, "") for number in range(1, messages + 1)]
    insert_rows(db, identifier, ("scheme", "value", "message", "country"), rows)


async def entries(store: Store) -> list[Row[Any]]:
    """The access log."""
    return list(await store.read(lambda db: db.execute(select(access_log).order_by(access_log.c.id)).all()))


async def test_a_hit_shows_what_its_user_must_know(store: Store) -> None:
    """Message, originator, handling codes, evaluation and subjects, and nothing of the narrative."""
    report = large_report(5)
    [answer] = await ask(store, f"bz:passport={report.passport.lower()}")
    [match] = answer.pop("matches")

    assert answer == {
        "scheme": "PASSPORT",
        "value": report.passport,
        "country": "BZ",
        "hit": True,
        "more": False,
        "errors": [],
    }
    assert UUID(match.pop("message_id"))
    assert match == {
        "originator": "BZ",
        "handling": ["H0"],
        "evaluation": {"grid": "4x4", "source": "B", "information": "2"},
        "subjects": ["DRUG_TRAFFICKING"],
        "report_id": report.report_id,
        "handling_text": None,
    }


async def test_answers_have_the_order_of_the_questions_and_a_wrong_one_does_not_stop_the_others(store: Store) -> None:
    """The wrong one has errors, and its hit is neither true nor false."""
    report = large_report(5)
    answers = await ask(store, "PLATE=NOT-HERE", "PLATE=", f"PHONE={report.phone}", "PLATE=NOT-HERE")

    assert [answer["hit"] for answer in answers] == [False, None, True, False]
    assert [error["path"] for error in answers[1]["errors"]] == ["value"]


async def test_hits_and_misses_are_logged_with_the_question_and_why_it_was_asked(store: Store) -> None:
    """One entry for each message that is shown, one for a miss, and none for a line that is not a question."""
    report = large_report(5)
    answers = await ask(store, f"PHONE={report.phone}", "gt:plate=not here", "SHOE=42")
    message_id = answers[0]["matches"][0]["message_id"]

    rows = await entries(store)
    assert {(row.at, row.operation, row.actor, row.detail, row.purpose, row.reason) for row in rows} == {
        (NOW, "CONSULTATION", "ana", "check", "CROSS_CHECKING", "control 17")
    }
    assert [(row.query, row.hits, row.subject) for row in rows] == [
        (f"PHONE={report.phone}", 1, message_id),
        ("GT:PLATE=NOTHERE", 0, ""),
    ]


async def test_without_an_entry_in_the_access_log_there_is_no_answer(store: Store) -> None:
    """The disk is full: nobody reads what is not logged."""
    full = Unavailable("store_unavailable", "the store cannot be used now")
    with patch.object(log, "add_consultations", side_effect=full), pytest.raises(Unavailable):
        await ask(store, "PLATE=ANY")

    assert await entries(store) == []


async def test_refused_questions_alone_touch_no_store(store: Store) -> None:
    """So a closed store answers them too."""
    await store.close()
    [answer] = await ask(store, "SHOE=42")

    assert answer["hit"] is None


@pytest.mark.parametrize(("messages", "more"), [(MATCHES_MAX, False), (MATCHES_MAX + 1, True)])
async def test_an_answer_shows_the_newest_and_says_that_there_are_more(store: Store, messages: int, more: bool) -> None:
    """A value that many reports have cannot flood a border post."""
    await store.write(lambda db: popular(db, messages))
    [answer] = await ask(store, "CASE=popular")

    assert (len(answer["matches"]), answer["more"]) == (MATCHES_MAX, more)
    assert answer["matches"][0]["report_id"] == large_report(messages - 1).report_id
    assert [row.hits for row in await entries(store)] == [MATCHES_MAX] * MATCHES_MAX


async def test_all_questions_are_one_read_and_one_write(store: Store) -> None:
    """However many there are; equal ones are looked up once, and each is logged."""
    looked_up: list[Question | RefusedQuestion] = []
    find = identifier_matches.find

    def counted(db: Transaction, question: Question, **options: Any) -> Any:
        looked_up.append(question)
        return find(db, question, **options)

    with (
        patch.object(identifier_matches, "find", counted),
        patch.object(store, "read", wraps=store.read) as read,
        patch.object(store, "write", wraps=store.write) as write,
    ):
        await ask(store, *["PLATE=A1", "PLATE=B2"] * 100)

    assert (read.call_count, write.call_count, len(looked_up)) == (1, 1, 2)
    assert len(await entries(store)) == 200


async def test_the_matches_of_one_call_have_a_limit_together(store: Store) -> None:
    """Each question still gets its newest match, says that there are more, and logs what it shows."""
    await store.write(lambda db: popular(db, 9))
    [all_shown] = await ask(store, "CASE=popular")
    with patch("node.commands.check.MATCHES_CHARS_MAX", 3 * SHORT_PARTS_CHARS):
        answers = await ask(store, "CASE=popular", f"PLATE={large_report(1).plate}", "CASE=popular")

    assert len(all_shown["matches"]) == 9
    assert [len(answer["matches"]) for answer in answers] == [3, 1, 1]
    assert [answer["more"] for answer in answers] == [True, False, True]
    assert answers[2]["matches"][0] == all_shown["matches"][0]
    assert len(await entries(store)) == 9 + 5


async def test_a_message_that_several_questions_find_is_decoded_once(store: Store) -> None:
    first = large_report(1)
    with patch.object(MatchingMessage, "report", autospec=True, side_effect=MatchingMessage.report) as decoded:
        answers = await ask(store, f"PLATE={first.plate}", f"PHONE={first.phone}", f"BZ:PASSPORT={first.passport}")

    assert [answer["hit"] for answer in answers] == [True] * 3
    assert decoded.call_count == 1
