"""`/v1/reports`: one report is accepted, repeated, refused, previewed and followed."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from node.database.outgoing_tables import draft
from node.gateway.served import Served
from tests.support.exchange import report
from tests.support.gateway import bearer, gateway
from tests.support.processes import publish

NDJSON = {"Content-Type": "application/x-ndjson"}


async def drafts(served: Served) -> int:
    """How many reports the outbox has."""
    return await served.store.read(lambda db: db.execute(select(func.count()).select_from(draft)).scalar_one())


async def test_a_report_is_accepted_and_the_same_report_again_is_a_duplicate(home: Path) -> None:
    """202 with audience and refusals, then 200 with the same ids."""
    async with gateway(home) as node:
        first = await node.post("/v1/reports", report())
        again = await node.post("/v1/reports", report())

        assert (first.status_code, first.json()["outcome"], first.json()["audience"]) == (202, "accepted", ["GT"])
        assert (again.status_code, again.json()["outcome"]) == (200, "duplicate")
        assert [again.json()[name] for name in ("report_id", "message_id")] == [
            first.json()[name] for name in ("report_id", "message_id")
        ]
        assert await drafts(node.served) == 1


@pytest.mark.parametrize("wrapped", [False, True])
async def test_the_body_is_the_report_or_an_object_around_it(home: Path, wrapped: bool) -> None:
    """Errors have the path within the report in both forms."""
    async with gateway(home) as node:
        body = {"report": report(urgency="SOON")} if wrapped else report(urgency="SOON")
        answer = await node.post("/v1/reports", body)
        taken = await node.post("/v1/reports", {"report": report()} if wrapped else report())

        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
        problem = answer.json()
        assert (problem["code"], problem["outcome"], problem["errors"][0]["path"]) == (
            "report_refused",
            "refused",
            "urgency",
        )
        assert "NORMAL" in problem["errors"][0]["allowed"]
        assert taken.status_code == 202
        assert await drafts(node.served) == 1


@pytest.mark.parametrize("body", [{"report": report(), "urgency": "NORMAL"}, {"report": 7}, {"report": None}])
async def test_a_mixture_of_the_two_forms_of_the_body_is_refused(home: Path, body: dict[str, Any]) -> None:
    async with gateway(home) as node:
        answer = await node.post("/v1/reports", body)

        assert (answer.status_code, answer.json()["code"]) == (400, "body_invalid")
        assert answer.json()["errors"][0]["path"] == "report"


async def test_other_content_under_a_known_report_id_is_refused(home: Path) -> None:
    """The code is that of the command line."""
    id_ = "8b8be73a-f678-5a5b-86a4-799c3959547f"
    async with gateway(home) as node:
        await node.post("/v1/reports", report(report_id=id_))
        answer = await node.post("/v1/reports", report(report_id=id_, legal_basis="Another Act"))

        assert (answer.status_code, answer.json()["code"]) == (422, "report_id_conflict")
        assert answer.json()["errors"][0]["code"] == "report_id_conflict"


async def test_a_preview_keeps_nothing(home: Path) -> None:
    """The audience is that of the real answer, a wrong report has its errors, and the report is new afterwards."""
    async with gateway(home) as node:
        seen = await node.post("/v1/reports:preview", report())
        wrong = await node.post("/v1/reports:preview", report(purpose="FUN"))

        assert (seen.status_code, seen.json()["audience"]) == (200, ["GT"])
        assert (wrong.status_code, wrong.json()["errors"][0]["path"]) == (422, "purpose")
        assert await drafts(node.served) == 0
        assert (await node.post("/v1/reports", report())).status_code == 202


async def test_a_report_is_followed_by_the_integrator_that_handed_it_in_and_by_readers(home: Path) -> None:
    """Another integrator gets the answer for an id that does not exist."""
    async with gateway(home) as node:
        taken = (await node.post("/v1/reports", report())).json()
        path = f"/v1/reports/{taken['report_id']}"
        own = await node.get(path, by="publish")

        assert own.status_code == 200
        assert {name: own.json()[name] for name in ("report_id", "message_id", "state")} == {
            "report_id": taken["report_id"],
            "message_id": taken["message_id"],
            "state": "accepted",
        }
        assert [(one["recipient"], one["outcome"]) for one in own.json()["recipients"]] == [("GT", "outstanding")]
        assert (await node.get(f"/v1/reports/{taken['message_id']}", by="publish")).json() == own.json()
        for scope in ("read", "audit", "admin"):
            assert (await node.get(path, by=scope)).json() == own.json()
        foreign = await node.get(path, by="other")
        missing = await node.get("/v1/reports/8b8be73a-f678-5a5b-86a4-799c3959547f", by="other")
        assert (foreign.status_code, foreign.json()) == (404, missing.json())
        assert (await node.get(path, by="check")).status_code == 403

        await node.post("/v1/reports", report(), by="other")
        assert (await node.get(path, by="other")).status_code == 200


async def test_a_report_of_the_command_line_belongs_to_no_integrator(home: Path) -> None:
    [report_id] = await asyncio.to_thread(publish, home, "a word")
    async with gateway(home) as node:
        assert (await node.get(f"/v1/reports/{report_id}", by="publish")).status_code == 404
        assert (await node.get(f"/v1/reports/{report_id}", by="audit")).status_code == 200


async def test_an_id_that_is_no_uuid_is_a_usage_error(home: Path) -> None:
    async with gateway(home) as node:
        answer = await node.get("/v1/reports/7", by="publish")

        assert (answer.status_code, answer.json()["path"]) == (400, "id")


async def test_concurrent_reports_share_transactions_and_each_gets_its_own_answer(home: Path) -> None:
    """Fewer transactions than reports; an invalid report among them is refused alone."""
    async with gateway(home) as node:
        writes = 0
        write = node.served.store.write

        async def counted(work: Any) -> Any:
            nonlocal writes
            writes += 1
            return await write(work)

        node.served.store.write = counted  # type: ignore[method-assign]
        bodies = [report(legal_basis=f"Act {number}") for number in range(40)]
        bodies[7] = report(urgency="SOON")
        answers = await asyncio.gather(*(node.post("/v1/reports", body) for body in bodies))

        assert [answer.status_code for answer in answers].count(202) == 39
        assert answers[7].status_code == 422
        assert len({answer.json()["report_id"] for answer in answers if answer.status_code == 202}) == 39
        assert await drafts(node.served) == 39
        assert writes < 20


async def test_the_status_counts_a_report_that_was_accepted_before(home: Path) -> None:
    """Also if the status was asked for a moment ago; one report and a batch."""
    async with gateway(home) as node:
        counts = [(await node.get("/v1/status", by="publish")).json()["outbox"]["accepted"]]
        await node.post("/v1/reports", report())
        counts.append((await node.get("/v1/status", by="publish")).json()["outbox"]["accepted"])
        batch = json.dumps(report(narrative={"text": "Another boat.", "language": "en"})).encode()
        await node.http.post("/v1/reports:batch", content=batch, headers=bearer("publish") | NDJSON)
        status = (await node.get("/v1/status", by="publish")).json()
        counts.append(status["outbox"]["accepted"])

        assert (counts, status["drained"]) == ([0, 1, 2], False)


async def test_the_status_is_that_of_now_if_the_caller_wants_it(home: Path) -> None:
    """A report that a command handed in is not known to the gateway."""
    async with gateway(home) as node:
        before = (await node.get("/v1/status", by="publish")).json()["outbox"]["accepted"]
        await asyncio.to_thread(publish, home, "First boat")
        headers = bearer("publish") | {"Cache-Control": "no-cache"}
        now = (await node.http.get("/v1/status", headers=headers)).json()["outbox"]["accepted"]

        assert (before, now) == (0, 1)
