"""`Idempotency-Key`: a repeated request gets the same answer, and a key stands for one body."""

import asyncio
from pathlib import Path

import httpx
import pytest

from node.errors import Unavailable
from node.handing_in import shared_intake
from node.limits import DAY_MS
from node.outgoing import kept_answers
from schemas.formats import date_text
from tests.node.gateway.test_reports import drafts
from tests.support.exchange import report
from tests.support.gateway import bearer, gateway

KEY = {"Idempotency_Key": "b7a1"}


async def test_the_same_key_and_body_get_the_same_answer(home: Path) -> None:
    """Status and body are those of the first answer, also in a process that starts later."""
    async with gateway(home) as node:
        first = await node.post("/v1/reports", report(), **KEY)
        again = await node.post("/v1/reports", report(), **KEY)
        assert (first.status_code, again.status_code, again.content) == (202, 202, first.content)
    async with gateway(home) as node:
        later = await node.post("/v1/reports", report(), **KEY)
        without = await node.post("/v1/reports", report())
        assert (later.status_code, later.content) == (202, first.content)
        assert without.status_code == 200
        assert await drafts(node.served) == 1


async def test_the_same_key_with_another_body_is_refused_and_nothing_is_accepted(home: Path) -> None:
    """Also if the other body is no valid report."""
    async with gateway(home) as node:
        await node.post("/v1/reports", report(), **KEY)
        for other in (report(legal_basis="Another Act"), report(urgency="SOON")):
            answer = await node.post("/v1/reports", other, **KEY)
            assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
            assert answer.json()["path"] == "Idempotency-Key"
        assert await drafts(node.served) == 1


async def test_a_key_belongs_to_its_integrator(home: Path) -> None:
    async with gateway(home) as node:
        first = await node.post("/v1/reports", report(), **KEY)
        other = await node.post("/v1/reports", report(legal_basis="Another Act"), by="other", **KEY)

        assert (first.status_code, other.status_code) == (202, 202)
        assert await drafts(node.served) == 2


async def test_of_concurrent_requests_with_one_key_one_is_accepted_and_all_get_its_answer(home: Path) -> None:
    """Requests with another body are refused, and those with other keys are not held up."""
    async with gateway(home) as node:
        bodies = [report()] * 10 + [report(legal_basis="Another Act")] * 3
        answers = await asyncio.gather(
            *(node.post("/v1/reports", body, **KEY) for body in bodies),
            *(node.post("/v1/reports", report(legal_basis=f"Act {n}"), Idempotency_Key=f"{n}") for n in range(5)),
        )

        assert {answer.content for answer in answers[:10]} == {answers[0].content}
        assert [answer.status_code for answer in answers] == [202] * 10 + [422] * 3 + [202] * 5
        assert await drafts(node.served) == 6


async def test_a_refused_report_leaves_its_key_free(home: Path) -> None:
    """Nothing was written, so the corrected report may have the same key."""
    async with gateway(home) as node:
        refused = await node.post("/v1/reports", report(urgency="SOON"), **KEY)
        corrected = await node.post("/v1/reports", report(), **KEY)

        assert (refused.status_code, corrected.status_code) == (422, 202)


async def test_the_answer_stays_the_same_when_the_report_would_be_refused_by_now(home: Path) -> None:
    """A retry a moment later must not turn an accepted report into a refused one."""
    async with gateway(home) as node:
        noon = node.served.now_ms() // DAY_MS * DAY_MS + DAY_MS // 2
        body = report(retain_until=date_text(noon // DAY_MS))
        object.__setattr__(node.served.intake, "clock", lambda: noon)
        first = await node.post("/v1/reports", body, **KEY)
        object.__setattr__(node.served.intake, "clock", lambda: noon + kept_answers.ANSWERS_KEPT_MS - 1)
        again = await node.post("/v1/reports", body, **KEY)
        with_other_key = await node.post("/v1/reports", body, Idempotency_Key="other")

        assert (first.status_code, again.status_code, again.content) == (202, 202, first.content)
        assert with_other_key.status_code == 422


@pytest.mark.parametrize("key", ["", "two words", "x" * 129, "caf\u00e9", "tab\tx"])
async def test_a_malformed_key_is_refused(home: Path, key: str) -> None:
    headers = [*bearer("publish").items(), ("Idempotency-Key", key.encode("latin-1"))]
    async with gateway(home) as node:
        answer = await node.http.post("/v1/reports", json=report(), headers=httpx.Headers(headers))  # type: ignore[arg-type]

        assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_invalid")
        assert await drafts(node.served) == 0


async def test_two_keys_are_refused(home: Path) -> None:
    """Nobody knows which one counts."""
    headers = [*bearer("publish").items(), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    async with gateway(home) as node:
        answer = await node.http.post("/v1/reports", json=report(), headers=headers)

        assert (answer.status_code, answer.json()["code"]) == (400, "header_repeated")


async def test_a_store_that_does_not_answer_accepts_nothing_and_keeps_no_key(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 to each waiting caller; the same request is accepted when the store is back."""

    async def away(_work: object) -> None:
        raise Unavailable("store_unavailable", "the disk is full")

    async with gateway(home) as node:
        with monkeypatch.context() as patch:
            patch.setattr(node.served.store, "write", away)
            answers = await asyncio.gather(*(node.post("/v1/reports", report(), **KEY) for _ in range(3)))
            assert [(one.status_code, one.json()["code"]) for one in answers] == [(503, "store_unavailable")] * 3
            assert all("retry-after" in one.headers for one in answers)
        assert (await node.post("/v1/reports", report(), **KEY)).status_code == 202


async def test_a_request_that_breaks_the_transaction_fails_alone(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others of its transaction are accepted; it gets a bug with an id and no trace of the cause."""
    async with gateway(home) as node:
        accept = node.served.intake.publisher.accept_in
        broken = type(node.served.intake.publisher)

        def breaking(_self: object, db: object, hand_ins: list[object]) -> object:
            if any(draft.report.legal_basis == "Act 2" for one in hand_ins for draft in one.drafts):  # type: ignore[attr-defined]
                raise ValueError("a secret")
            return accept(db, hand_ins)  # type: ignore[arg-type]

        monkeypatch.setattr(broken, "accept_in", breaking)
        answers = await asyncio.gather(*(node.post("/v1/reports", report(legal_basis=f"Act {n}")) for n in range(5)))

        assert [answer.status_code for answer in answers] == [202, 202, 500, 202, 202]
        assert answers[2].json()["code"] == "bug"
        assert "a secret" not in answers[2].text


async def test_more_waiting_requests_than_the_limit_are_sent_away(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_intake, "WAITING_MAX", 3)
    async with gateway(home) as node:
        bodies = [report(legal_basis=f"Act {number}") for number in range(12)]
        answers = await asyncio.gather(*(node.post("/v1/reports", body) for body in bodies))

        codes = {answer.json().get("code", "accepted") for answer in answers}
        assert codes == {"accepted", "intake_busy"}
        assert await drafts(node.served) == [answer.status_code for answer in answers].count(202)
