"""`/v1/messages`, `/v1/check` and the lists, over nodes that exchanged reports."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from node.commands import search
from node.store import access_log
from tests.support.gateway import WHY, bearer, gateway
from tests.support.processes import agreement, lab, ok, publish, running, settle

WORDS = tuple(f"word{number} common" for number in range(5))


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """BZ sent five reports that GT may have, and one that it may not."""
    folder = tmp_path_factory.mktemp("exchanged")
    homes = lab(folder, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"], ("DRUG_TRAFFICKING",)))
    publish(homes["BZ"], *WORDS)
    with running(homes["BZ"], homes["GT"]):
        settle(homes["BZ"], homes["GT"])
        settle(homes["BZ"], homes["GT"])
    return homes


@pytest.fixture
def gt(nodes: dict[str, Path]) -> Path:
    """The home of GT."""
    return nodes["GT"]


async def entries(node: Any) -> list[access_log.Entry]:
    """The consultations in the access log."""
    found = await node.served.store.read(lambda db: access_log.entries(db, after=0, limit=1000))
    return [entry for entry in found if entry.operation == "CONSULTATION"]


async def test_a_search_finds_what_the_command_finds(nodes: dict[str, Path], gt: Path) -> None:
    """The keys are those of `search`, for each filter."""
    [one] = await asyncio.to_thread(ok, "search", "--text", "word3", home=gt)
    async with gateway(gt) as node:
        for asked in (
            {"text": "word3"},
            {"text": "WORD3", "identifier": "NAME=Sea  Test", "originator": "BZ", "subject": "DRUG_TRAFFICKING"},
            {"text": "word3", "since": "2026-01-01T00:00:00Z"},
            {"text": ["word3", "word9"], "limit": 5},
        ):
            answer = await node.get("/v1/messages", **asked)
            assert (answer.status_code, answer.json()) == (200, {"messages": [one], "next": None}), asked
    assert nodes


async def test_pages_follow_each_other_until_next_is_null(gt: Path) -> None:
    """Each report is in one page, also if the last page is full."""
    async with gateway(gt) as node:
        for limit in (1, 2, 5, 100):
            found: list[str] = []
            after: dict[str, str] = {}
            while True:
                page = (await node.get("/v1/messages", text="common", limit=limit, **after)).json()
                found += [one["message_id"] for one in page["messages"]]
                assert 0 < len(page["messages"]) <= limit
                if page["next"] is None:
                    break
                after = {"after": page["next"]}
            assert len(found) == len(set(found)) == 5


async def test_a_country_narrows_an_identifier(gt: Path) -> None:
    """The report states no country, so it fits any; a country alone is no filter."""
    async with gateway(gt) as node:
        found = await node.get("/v1/messages", identifier="NAME=SEA TEST", country=["BZ", "GT"], limit=9)
        alone = await node.get("/v1/messages", country="BZ")
        beside = await node.get("/v1/messages", country="BZ", text="common")
        twice = await node.get("/v1/messages", identifier="BZ:NAME=SEA TEST", country="BZ")

        assert len(found.json()["messages"]) == 5
        assert (alone.status_code, alone.json()["code"]) == (400, "filter_missing")
        assert (beside.status_code, beside.json()["path"]) == (400, "country")
        assert (twice.status_code, twice.json()["path"]) == (400, "country")


@pytest.mark.parametrize("query", ["", "text=", "limit=5", "text=&identifier=&since="])
async def test_a_search_without_a_filter_is_refused(gt: Path, query: str) -> None:
    async with gateway(gt) as node:
        answer = await node.get(f"/v1/messages?{query}")

        assert (answer.status_code, answer.json()["code"]) == (400, "filter_missing")


@pytest.mark.parametrize(
    ("query", "code", "path"),
    [
        ("text=a&colour=red", "parameter_unknown", "colour"),
        ("text=a&Text=b", "parameter_unknown", "Text"),
        ("text=a&limit=0", "value_invalid", "limit"),
        ("text=a&limit=1001", "value_invalid", "limit"),
        ("text=a&limit=-1", "value_invalid", "limit"),
        ("text=a&limit=1e3", "value_invalid", "limit"),
        ("text=a&limit=%D9%A3", "value_invalid", "limit"),
        ("text=a&limit=" + "9" * 5000, "value_invalid", "limit"),
        ("text=a&limit=1&limit=2", "value_invalid", "limit"),
        ("text=a&after=x", "usage", "after"),
        ("text=a&after=-1", "usage", "after"),
        ("text=a&after=" + "9" * 30, "usage", "after"),
        ("text=a&after=%D9%A3", "usage", "after"),
        ("since=yesterday", "usage", "since"),
        ("since=9999999999", "usage", "since"),
        ("since=2026-02-30", "usage", "since"),
        ("since=2026-01-01T00:00:00", "usage", "since"),
        ("subject=NOTHING", "unknown_code", "subject"),
        ("identifier=IMO", "usage", "identifier"),
        ("identifier=IMO=1", "invalid_identifier", "identifier"),
        ("identifier=XX:NAME=A", "unknown_code", "identifier"),
        ("text=%00", "value_invalid", "text"),
        ("originator=B%00Z", "value_invalid", "originator"),
        ("text=a%0ab", "value_invalid", "text"),
        ("text=%ff", "encoding_wrong", "text"),
        ("text=%ed%a0%80", "encoding_wrong", "text"),
        ("&".join(["text=a"] * 51), "value_invalid", "text"),
    ],
)
async def test_a_wrong_parameter_is_named(gt: Path, query: str, code: str, path: str) -> None:
    async with gateway(gt) as node:
        answer = await node.get(f"/v1/messages?{query}")

        assert (answer.status_code, answer.json()["code"], answer.json()["path"]) == (400, code, path)


async def test_a_query_that_is_too_long_is_refused(gt: Path) -> None:
    async with gateway(gt) as node:
        answer = await node.get("/v1/messages", text="x" * 9_000)

        assert (answer.status_code, answer.json()["code"]) == (414, "query_too_long")


@pytest.mark.parametrize(
    ("time", "status"),
    [
        ("0001-01-01", 200),
        ("9999-12-31T23:59:59Z", 200),
        ("9999-12-31T23:59:59-23:59", 400),
        ("0001-01-01T00:00+23:59", 400),
    ],
)
async def test_times_at_the_ends_of_the_calendar_are_answered(gt: Path, time: str, status: int) -> None:
    """A zone that leads out of the calendar is refused."""
    async with gateway(gt) as node:
        assert (await node.get("/v1/messages", since=time)).status_code == status


async def test_a_message_is_shown_with_its_decision(gt: Path) -> None:
    """By report id and by message id, as `show` does; unknown ids and ids that are none are told apart."""
    [one] = await asyncio.to_thread(ok, "search", "--text", "word3", home=gt)
    [shown] = await asyncio.to_thread(ok, "show", one["report_id"], home=gt)
    async with gateway(gt) as node:
        for id_ in (one["report_id"], one["message_id"]):
            answer = await node.get(f"/v1/messages/{id_}")
            assert (answer.status_code, answer.json()) == (200, {**shown, "others": []})
        unknown = await node.get("/v1/messages/8b8be73a-f678-5a5b-86a4-799c3959547f")
        wrong = await node.get("/v1/messages/7")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
        assert (wrong.status_code, wrong.json()["path"]) == (400, "id")


async def test_a_consultation_is_in_the_access_log_with_caller_purpose_and_reason(gt: Path) -> None:
    """For a search, a message and a check; a page logs what it shows and no more."""
    reason = "Comprobación Σ"
    given = {**bearer("read"), "Enlace-Purpose": "INFORMATION_EXCHANGE", "Enlace-Reason": reason}
    async with gateway(gt) as node:
        before = len(await entries(node))
        shown = await node.http.get(
            "/v1/messages",
            params={"text": "common", "limit": 2},
            headers=[(name.encode(), value.encode()) for name, value in given.items()],
        )
        logged = (await entries(node))[before:]

        assert [entry.subject for entry in logged] == [one["message_id"] for one in shown.json()["messages"]]
        assert {(entry.actor, entry.purpose, entry.reason) for entry in logged} == {
            ("token read (1)", "INFORMATION_EXCHANGE", reason)
        }
        await node.post("/v1/check", {"identifiers": [{"scheme": "NAME", "value": "nobody"}]}, by="check", **CHECK_WHY)
        last = (await entries(node))[-1]
        assert (last.actor, last.query, last.subject, last.hits) == ("token check (1)", "NAME=NOBODY", "", 0)


CHECK_WHY = {name.replace("-", "_"): value for name, value in WHY.items()}


async def test_a_check_answers_each_identifier(gt: Path) -> None:
    """A hit, a miss, and a wrong one with its errors."""
    asked = [
        {"scheme": "name", "value": "sea test"},
        {"scheme": "NAME", "value": "Sea Test", "country": "BZ"},
        {"scheme": "PASSPORT", "value": "X1234567", "country": None},
        {"scheme": "NOTHING", "value": "X1"},
        {"scheme": "IMO", "value": "1"},
        {"scheme": "NAME"},
        7,
    ]
    async with gateway(gt) as node:
        answer = await node.post("/v1/check", {"identifiers": asked}, by="check", **CHECK_WHY)
        results = answer.json()["results"]

        assert answer.status_code == 200
        assert [one["hit"] for one in results] == [True, True, False, None, None, None, None]
        assert [bool(one["errors"]) for one in results] == [False] * 3 + [True] * 4
        assert len(results[0]["matches"]) == 5
        assert results[0]["matches"][0].keys() >= {"message_id", "originator", "handling", "evaluation", "subjects"}
        assert (await node.post("/v1/check", {"identifiers": []}, by="check", **CHECK_WHY)).json() == {"results": []}


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        ({}, "identifiers", "missing"),
        ({"identifiers": None}, "identifiers", "missing"),
        ({"identifiers": "NAME=X"}, "identifiers", "wrong_type"),
        ({"identifiers": [], "more": 1}, "more", "unknown_key"),
        ({"identifiers": [{"scheme": "NAME", "value": "x"}] * 1001}, "identifiers", "too_many"),
    ],
)
async def test_a_wrong_body_of_a_check_names_the_key(gt: Path, body: Any, path: str, code: str) -> None:
    async with gateway(gt) as node:
        answer = await node.post("/v1/check", body, by="check", **CHECK_WHY)

        assert (answer.status_code, answer.json()["code"]) == (422, "body_refused")
        assert [(one["path"], one["code"]) for one in answer.json()["errors"]] == [(path, code)]


async def test_a_thousand_identifiers_are_answered(gt: Path) -> None:
    asked = [{"scheme": "PASSPORT", "value": f"X{number:06}"} for number in range(1000)]
    async with gateway(gt) as node:
        answer = await node.post("/v1/check", {"identifiers": asked}, by="check", **CHECK_WHY)

        assert [one["value"] for one in answer.json()["results"]] == [one["value"] for one in asked]


async def test_a_report_that_was_sent_and_read_is_witnessed_and_stored(nodes: dict[str, Path]) -> None:
    [one, *_] = await asyncio.to_thread(ok, "search", "--text", "word1", home=nodes["BZ"])
    async with gateway(nodes["BZ"]) as node:
        found = (await node.get(f"/v1/reports/{one['report_id']}", by="audit")).json()

        assert (found["state"], found["message_id"]) == ("witnessed", one["message_id"])
        assert found["since"] == one["received_at"]
        assert [(at["recipient"], at["outcome"]) for at in found["recipients"]] == [("GT", "stored")]


async def test_the_lists_have_pages(gt: Path) -> None:
    """The agreements and the status are those of the commands; a cursor of one list is none of another."""
    async with gateway(gt) as node:
        agreements = (await node.get("/v1/agreements", by="check")).json()
        status = (await node.get("/v1/status", by="publish")).json()

        [one] = agreements["agreements"]
        assert (one["id"], one["version"], one["parties"], one["in_force"]) == ("BZ-GT", 1, ["BZ", "GT"], True)
        assert (one["signatures"], one["missing"], one["clauses"][0]["id"]) == (["BZ", "GT"], [], "1")
        assert agreements["next"] is None
        assert (status["node"], status["counts"]["stored"], status["next"]) == ("GT", 5, None)
        for name in ("withheld", "quarantine"):
            assert (await node.get(f"/v1/{name}", by="audit")).json() == {name: [], "next": None}
        for path in ("/v1/withheld", "/v1/quarantine", "/v1/agreements"):
            for cursor in ("x", "WzFd", "A" * 2_000, "W10", "%00", "bnVsbA"):
                answer = await node.get(path, by="audit", after=cursor)
                assert (answer.status_code, answer.json()["path"]) == (400, "after"), (path, cursor)


async def test_a_page_of_long_reports_ends_early_and_none_is_left_out(
    gt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand reports of the longest kind would not fit into the memory of the node."""
    monkeypatch.setattr(search, "PAGE_SIZE_BYTES_MAX", 600)
    async with gateway(gt) as node:
        first = (await node.get("/v1/messages", text="common", limit=1000)).json()
        seen, page = list(first["messages"]), first
        while page["next"] is not None:
            page = (await node.get("/v1/messages", text="common", limit=1000, after=page["next"])).json()
            assert page["messages"]
            seen += page["messages"]
        monkeypatch.setattr(search, "PAGE_SIZE_BYTES_MAX", 1)
        alone = (await node.get("/v1/messages", text="common", limit=1000)).json()
        logged = [entry for entry in await entries(node) if '"text":"common"' in (entry.query or "")]

    assert 0 < len(first["messages"]) < 5
    assert len({one["message_id"] for one in seen}) == len(seen) == 5
    assert (len(alone["messages"]), alone["next"]) == (1, alone["messages"][0]["cursor"])
    assert len(logged) >= len(seen) + 1
