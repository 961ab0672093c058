"""What is asked of a store takes the same work in a store of sixteen times the size.

The work is counted in steps of SQLite's virtual machine, so these tests have no clock. `python -m bench large` measures
a million messages.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from bench.large_rows import Filling
from bench.large_store import fill
from bench.material import READER
from node.database.engine import Store, Transaction
from node.health import status
from node.reports.questions import Question
from node.stages import StreamId
from node.store import chains, own_batches, own_reports, receipts_to_seal
from node.store import message_search as searching
from node.store.message_search import HeldMessage, Query
from node.undecided import pending_lists, pending_retry
from schemas.types import IntelligenceReport
from tests.support.database_work import counted

NOW = 1_790_000_000_000
FEW, MANY = 384, 16 * 384
TOLERANCE = 1.35  # the trees of the database get deeper
SLACK = 250  # steps; a search does a few thousand
PAGE = 5

Ask = Callable[[Transaction, HeldMessage, HeldMessage], object]
"""A question about two messages of a store: one in its middle, and its last one."""


def found(**query: object) -> Ask:
    """A search; the value of a filter is given, or computed from the two messages."""

    def ask(db: Transaction, middle: HeldMessage, last: HeldMessage) -> Sequence[HeldMessage]:
        values = {name: value(middle, last) if callable(value) else value for name, value in query.items()}
        return searching.search(db, Query(limit=PAGE, **values))  # type: ignore[arg-type]

    return ask


def passport(_middle: HeldMessage, last: HeldMessage) -> tuple[Question]:
    assert isinstance(last.report, IntelligenceReport)
    value = next(one.value for entity in last.report.entities for one in entity.identifiers if one.scheme == "PASSPORT")
    return (Question(scheme="PASSPORT", value=value, country=None),)


def time_of_the_middle(middle: HeldMessage, _last: HeldMessage) -> int:
    return middle.created_at


def time_of_the_last(_middle: HeldMessage, last: HeldMessage) -> int:
    return last.created_at


INTEL = StreamId(originator=READER, stream=Filling(messages=1, now_ms=NOW).stream)
ASKED: dict[str, Ask] = {
    "all": found(),
    "the last page": found(after=lambda _, last: int(last.cursor) - 2),
    "an identifier": found(identifiers=passport),
    "a frequent word": found(texts=("observation",)),
    "frequent words": found(texts=("observation boat",)),
    "a word that is not there": found(texts=("zzzz",)),
    "a frequent subject": found(subjects=("DRUG_TRAFFICKING",)),
    "one of two frequent subjects": found(subjects=("DRUG_TRAFFICKING", "MONEY_LAUNDERING")),
    "one of two frequent subjects with one of two frequent words": found(
        subjects=("DRUG_TRAFFICKING", "MONEY_LAUNDERING"), texts=("observation", "boat")
    ),
    "an originator": found(originators=("MX",)),
    "an originator without messages": found(originators=("XX",)),
    "no message of an originator with a frequent word": found(originators=("XX",), texts=("observation",)),
    "since the middle": found(since=time_of_the_middle),
    "since the end": found(since=time_of_the_last),
    "a frequent word since the end": found(texts=("observation",), since=time_of_the_last),
    "an identifier of an originator": found(identifiers=passport, originators=("MX",)),
    "one message": lambda db, middle, _: searching.by_id(db, report_id=middle.report_id, message_id=middle.message_id),
    "own reports": lambda db, middle, _: own_reports.by_id(
        db, report_id=middle.report_id, message_id=middle.message_id
    ),
    "an own batch": lambda db, *_: own_batches.at(db, INTEL, 3),
    "a batch that is not there": lambda db, *_: own_batches.at(db, INTEL, 10**9),
    "status": lambda db, *_: status.look_at(db),
    "what is held until now": lambda db, *_: pending_retry.due(db, now=NOW, limit=500),
    "what waits too long": lambda db, *_: pending_lists.waiting_since(db, NOW),
    "receipts that are due": lambda db, *_: (receipts_to_seal.due_times(db), receipts_to_seal.due(db, 500)),
    "the highest sequence": lambda db, *_: chains.highest(db, INTEL),
}


@asynccontextmanager
async def filled(folder: Path, messages: int) -> AsyncIterator[Store]:
    store = await Store.open(f"sqlite:///{folder / f'{messages}.db'}")
    try:
        await fill(store, Filling(messages=messages, now_ms=NOW))
        yield store
    finally:
        await store.close()


async def steps(store: Store, messages: int) -> dict[str, int]:
    """The steps of each question; once before, so that the schema is loaded."""
    [middle] = await store.read(partial(searching.search, query=Query(after=messages // 2, limit=1)))
    [last] = await store.read(partial(searching.search, query=Query(after=messages - 1)))
    taken = {}
    for name, ask in ASKED.items():
        await store.read(lambda db, ask=ask: ask(db, middle, last))  # type: ignore[misc]
        with counted() as counting:
            await store.read(lambda db, ask=ask: ask(db, middle, last))  # type: ignore[misc]
        taken[name] = counting.steps
    return taken


async def test_no_question_takes_more_work_in_a_larger_store(tmp_path: Path) -> None:
    async with filled(tmp_path, FEW) as small, filled(tmp_path, MANY) as large:
        few, many = await steps(small, FEW), await steps(large, MANY)

    assert {name: (few[name], many[name]) for name in few if many[name] > few[name] * TOLERANCE + SLACK} == {}
