"""bench/large_store.py: a store that was filled directly has what the services would have written."""

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bench.large_rows import BATCH_SIZE, Filling
from bench.large_store import cached, fill
from bench.material import CODES, READER
from node.database.engine import Store
from node.reports.questions import Question
from node.reports.search_terms import search_terms
from node.stages import StreamId
from node.store import chains, message_search, messages, receipts_to_seal
from node.store.message_search import Query
from schemas.types import IntelligenceReport

NOW = 1_790_000_000_000
FILLING = Filling(messages=BATCH_SIZE * len(CODES) + 3, now_ms=NOW)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """A store of this filling."""
    opened = await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    await fill(opened, FILLING)
    yield opened
    await opened.close()


async def test_each_message_is_found_by_what_its_payload_says(store: Store) -> None:
    """The indexes hold the terms of the decoded report."""
    held = await store.read(lambda db: message_search.search(db, Query(limit=FILLING.messages + 1)))

    assert len(held) == FILLING.messages == len({message.message_id for message in held})
    for message in held[:: FILLING.messages // 7]:
        assert isinstance(message.report, IntelligenceReport)
        terms = search_terms(message.report)
        assert (terms.report_id, len(terms.match_keys)) == (message.report_id, 4)
        for identifier in terms.match_keys:
            question = Question(scheme=identifier[0], value=identifier[1], country=identifier[2] or None)
            query = Query(identifiers=(question,))
            found = await store.read(lambda db, query=query: message_search.search(db, query))  # type: ignore[misc]
            assert message.message_id in {other.message_id for other in found}
        words = Query(texts=(terms.text,))
        alone = await store.read(lambda db, query=words: message_search.search(db, query))  # type: ignore[misc]
        assert [other.message_id for other in alone] == [message.message_id]


async def test_the_chains_have_no_gap_and_nothing_is_due(store: Store) -> None:
    """Each originator's batches follow each other; their outcomes are in receipts."""
    for code in CODES:
        place = StreamId(stream=FILLING.stream, originator=code)
        assert await store.read(lambda db, place=place: chains.gaps(db, place, BATCH_SIZE)) == []  # type: ignore[misc]

    assert await store.read(receipts_to_seal.count_due) == 0
    own = await store.read(lambda db: message_search.search(db, Query(originators=(READER,))))
    assert {message.agreement for message in own} == {None}


async def test_a_cached_store_is_built_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A later run of the same month opens the file of the first; another filling has another file."""
    monkeypatch.chdir(tmp_path)
    few = dataclasses.replace(FILLING, messages=2)
    file = await cached(few)
    written = file.stat().st_mtime_ns

    again = await cached(dataclasses.replace(few, now_ms=NOW + 1))
    other = await cached(dataclasses.replace(few, messages=3))

    assert again == file != other
    assert file.stat().st_mtime_ns == written
    opened = await Store.open(f"sqlite:///{file}")
    assert await opened.read(messages.count) == 2
    await opened.close()
