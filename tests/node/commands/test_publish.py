"""`publish` and the commands that read, as a gateway calls them: an open intake, a user, and no terminal."""

import json
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select

from node.answers.arguments import parse_time
from node.answers.plain_json import presentable
from node.commands.justification import justification_of
from node.commands.publish import publish
from node.commands.search import query_of, search
from node.commands.show import show
from node.database.access_tables import access_log
from node.database.engine import Store
from node.errors import Refused
from node.runtime.home import Home, open_home
from node.runtime.open_intake import open_intake
from node.runtime.open_store import open_store
from tests.support.contract import step
from tests.support.exchange import report
from tests.support.processes import agreement, lab


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """BZ, which may send to GT."""
    return open_home(lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))["BZ"])


def text(words: str) -> bytes:
    return json.dumps(report(narrative={"text": words, "language": "en"})).encode()


async def published(home: Home, data: bytes, actor: str) -> list[dict[str, object]]:
    async with open_intake(home) as intake:
        return [presentable(answer) async for answer in publish(intake, data, actor=actor)]


async def entries(store: Store) -> list[tuple[str, str]]:
    """Operation and actor of each entry of the access log, without those of the node itself."""
    rows = await store.read(lambda db: db.execute(select(access_log).order_by(access_log.c.id)).all())
    return [(row.operation, row.actor) for row in rows if row.actor != "BZ"]


async def test_the_answer_has_the_keys_of_the_contract_in_their_order(home: Home) -> None:
    [answer] = await published(home, text("A boat"), "ana")

    keys = ["line", "outcome", "report_id", "message_id", "audience", "refusals", "errors", "warnings", "held_back"]
    assert list(answer) == keys
    assert (answer["line"], answer["outcome"], answer["audience"]) == (1, "accepted", ["GT"])


async def test_one_intake_serves_several_users_and_follows_the_documents(home: Home) -> None:
    async with open_intake(home) as intake:
        [first] = [answer async for answer in publish(intake, text("One"), actor="ana")]
        for document in home.documents_folder.glob("agreement-*"):
            document.unlink()
        [second] = [answer async for answer in publish(intake, text("Two"), actor="luis")]

        assert (first.audience, second.audience) == (("GT",), ())
        assert await entries(intake.store) == [("COLLECTION", "ana"), ("COLLECTION", "luis")]


async def test_the_time_is_that_of_the_clock_of_the_intake(home: Home) -> None:
    """A report that may be kept until the end of 2027 is accepted before that day and refused after it."""
    data = json.dumps(report(retain_until="2027-12-31")).encode()
    outcomes = []
    for time in ("2027-05-01T00:00:00Z", "2028-02-01T00:00:00Z"):
        now = parse_time(time, "at")
        async with open_intake(home, now=lambda now=now: now) as intake:  # type: ignore[misc]
            outcomes += [answer.outcome async for answer in publish(intake, data, actor="ana", dry_run=True)]

    assert outcomes == ["accepted", "refused"]


async def test_the_access_log_keeps_the_question_and_why_it_was_asked(home: Home) -> None:
    """A search that finds nothing is logged as well, without a message."""
    query = query_of(texts=["boat"], identifiers=["gt:plate=p-123"], since=None, limit=10, after=None)
    why = justification_of("information_exchange", " case  12 ")
    nothing = str(UUID(int=7))
    async with open_store(home) as store:
        assert await search(store, query, actor="luis", why=why) == []
        with pytest.raises(Refused, match="no report"):
            await show(store, nothing.upper(), actor="eva")
        rows = await store.read(lambda db: db.execute(select(access_log).order_by(access_log.c.id)).all())

    assert [(row.actor, row.purpose, row.reason, row.hits, row.subject) for row in rows] == [
        ("luis", "INFORMATION_EXCHANGE", "case 12", 0, ""),
        ("eva", None, None, 0, ""),
    ]
    assert json.loads(rows[0].query) == {"text": "boat", "identifier": "GT:PLATE=P123", "limit": 10}
    assert rows[1].query == nothing


def test_the_access_log_names_who_searched_and_who_looked(home: Home) -> None:
    import asyncio

    asyncio.run(published(home, text("A boat"), "ana"))
    step(home.path)

    async def consult() -> list[tuple[str, str]]:
        query = query_of(texts=["boat"], since=None, limit=10, after=None)
        async with open_store(home) as store:
            [found] = await search(store, query, actor="luis")
            await show(store, found.report_id, actor="eva")
            return await entries(store)

    assert asyncio.run(consult()) == [("COLLECTION", "ana"), ("CONSULTATION", "luis"), ("CONSULTATION", "eva")]
