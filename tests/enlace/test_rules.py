"""Pages, questions, waiting for recipients, reports in each form, signatures of webhooks."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from enlace import operations, requests
from enlace.answers import Message
from enlace.client import InvalidCall, NotStored, RetryPolicy, TimedOut, is_signature_valid
from enlace.errors import AnswerMalformed
from enlace.report_json import handed_in, json_of, typed_report
from enlace.requests import IDENTIFIERS_MAX, Why
from enlace.webhooks import signature_of
from schemas.json_form import json_values
from schemas.types import IntelligenceReport
from tests.support.client_driver import BROKEN, drive, ok
from tests.support.exchange import report

POLICY = RetryPolicy(attempts_max=3, pause_seconds=1.0)
WHY = Why(purpose="CROSS_CHECKING", reason="Control at Melchor")
REPORT_ID = "8b8be73a-f678-5a5b-86a4-799c3959547f"
ROOT = Path(__file__).parents[2]


def message(number: int) -> dict[str, Any]:
    return {"message_id": str(number), "originator": "BZ", "stream": "s", "sequence": number, "new_key": 1}


def page(*numbers: int, following: str | None) -> Any:
    return ok({"messages": [message(number) for number in numbers], "next": following})


def search() -> Any:
    return operations.messages({"text": "mule"}, page_size=2, after=None, why=WHY, policy=POLICY)


def test_the_next_page_is_that_after_the_cursor() -> None:
    _, driven = drive(search(), [page(1, 2, following="c2"), BROKEN, page(3, following=None)])

    assert [found.sequence for found in driven.given] == [1, 2, 3]
    assert [dict(request.query).get("after") for request in driven.requests] == [None, "c2", "c2"]


def test_a_list_that_does_not_move_on_is_an_error_and_no_endless_loop() -> None:
    with pytest.raises(AnswerMalformed, match="does not move on"):
        drive(search(), [page(1, following="c"), page(1, following="c")])


def test_a_long_list_of_identifiers_takes_several_requests_and_is_answered_in_its_order() -> None:
    asked = [f"IMO={number}" for number in range(IDENTIFIERS_MAX + 2)]
    answers = [
        ok({"results": [{"value": str(number), "hit": False} for number in range(first, last)]})
        for first, last in ((0, IDENTIFIERS_MAX), (IDENTIFIERS_MAX, IDENTIFIERS_MAX + 2))
    ]
    found, driven = drive(operations.check(asked, WHY, POLICY), answers)

    assert [item.value for item in found] == [text.partition("=")[2] for text in asked]
    assert len(driven.requests) == 2


def test_a_result_that_is_missing_is_an_error() -> None:
    """Otherwise an answer would be that of another identifier."""
    with pytest.raises(AnswerMalformed):
        drive(operations.check(["IMO=1", "IMO=2"], WHY, POLICY), [ok({"results": [{"hit": False}]})])


def test_an_identifier_may_have_a_country() -> None:
    _, driven = drive(operations.check(["bz:PASSPORT=P 1"], WHY, POLICY), [ok({"results": [{"hit": True}]})])

    assert json.loads(driven.requests[0].body or b"") == {
        "identifiers": [{"scheme": "PASSPORT", "value": "P 1", "country": "bz"}]
    }
    with pytest.raises(InvalidCall, match="SCHEME=VALUE"):
        drive(operations.check(["P1"], WHY, POLICY), [])


@pytest.mark.parametrize("why", [Why(purpose="", reason="x"), Why(purpose="CROSS_CHECKING", reason=" \n ")])
def test_a_consultation_without_purpose_or_reason_is_not_sent(why: Why) -> None:
    with pytest.raises(InvalidCall) as raised:
        requests.message("1", why)

    assert raised.value.code == "purpose_missing"


def test_a_reason_is_one_line() -> None:
    headers = requests.message("1", Why(purpose="P", reason="Case 7,\r\nInjected: no")).headers

    assert headers["Enlace-Reason"] == "Case 7, Injected: no"


def test_an_id_cannot_change_the_path() -> None:
    assert requests.report_state("../status?x").path == "/v1/reports/..%2Fstatus%3Fx"


def state(*, gt: str | None, at: str = "witnessed") -> Any:
    recipients = [
        {"recipient": code, "outcome": outcome} for code, outcome in (("GT", gt), ("MX", "stored")) if outcome
    ]
    return ok({"report_id": "r", "message_id": "m", "state": at, "recipients": recipients})


def wait(*answers: Any, recipients: tuple[str, ...] = ("GT",), seconds: float = 60.0) -> Any:
    return drive(operations.wait_until_stored("r", recipients, seconds, POLICY), answers)


def test_the_wait_ends_when_each_recipient_has_stored_the_report() -> None:
    found, driven = wait(state(gt="outstanding"), state(gt="waiting"), state(gt="stored"))

    assert found.outcome_at("GT") == "stored"
    assert len(driven.waits) == 2


@pytest.mark.parametrize("outcome", ["withheld", "rejected"])
def test_a_recipient_that_decided_against_the_report_ends_the_wait(outcome: str) -> None:
    with pytest.raises(NotStored) as raised:
        wait(state(gt=outcome))

    assert raised.value.code == f"report_{outcome}"


def test_a_node_that_is_not_a_recipient_ends_the_wait() -> None:
    with pytest.raises(NotStored) as raised:
        wait(state(gt="stored"), recipients=("CO",))

    assert raised.value.code == "not_addressed"


def test_the_wait_has_an_end() -> None:
    with pytest.raises(TimedOut, match="GT outstanding"):
        wait(*[state(gt="outstanding")] * 20, seconds=2.0)


def typed() -> IntelligenceReport:
    """A report as another node has it."""
    filled = {"kind": "REPORT", "created_at": "2026-11-20T12:00:00Z", "region": "mesoamerica", "references": []}
    return json_values.from_json(IntelligenceReport, {**report(), "report_id": REPORT_ID, **filled})


def test_a_report_may_be_a_mapping_text_bytes_or_the_generated_type() -> None:
    value: Mapping[str, Any] = report()

    assert json.loads(json_of(value)) == json.loads(json_of(json.dumps(value))) == value
    assert json_of(json.dumps(value).encode()) == json.dumps(value).encode()
    assert set(handed_in(typed())) >= {"subjects", "narrative"}
    assert not set(handed_in(typed())) & {"kind", "created_at", "references"}


def test_a_report_that_is_not_json_is_refused_before_it_is_sent() -> None:
    with pytest.raises(InvalidCall) as raised:
        json_of({"a": object()})

    assert raised.value.code == "not_json"


def test_a_message_has_its_report_as_the_generated_type() -> None:
    content = json_values.to_json(typed())
    found = Message(message_id="m", originator="BZ", stream="s", sequence=1, content={**content, "of_later": 1})

    assert found.report == typed()


def test_a_message_without_its_narrative_is_not_a_report() -> None:
    with pytest.raises(AnswerMalformed, match="narrative"):
        typed_report({name: value for name, value in json_values.to_json(typed()).items() if name != "narrative"})


def test_a_signature_is_that_of_the_body_under_the_secret() -> None:
    """The expected value is the one of RFC 4231, test case 2."""
    body, secret = b"what do ya want for nothing?", "Jefe"
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"

    assert signature_of(body, secret) == expected
    assert is_signature_valid(body, f"sha256={expected}", secret)
    for wrong in (None, "", "sha256=", f"sha256={expected[:-1]}0", "sha256=ä"):
        assert not is_signature_valid(body, wrong, secret)
    assert not is_signature_valid(body + b" ", f"sha256={expected}", secret)
    assert not is_signature_valid(body, f"sha256={expected}", "other")


def test_the_client_loads_neither_the_node_nor_the_broker() -> None:
    """An integrator's program needs no database, no keys and no Kafka."""
    program = "import enlace.client, sys; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    heavy = {"node", "broker", "sqlalchemy", "aiokafka", "fastavro", "cryptography", "typer", "structlog"}
    assert heavy & set(loaded.stdout.split()) == set()


def test_the_client_says_that_it_is_typed() -> None:
    assert (ROOT / "enlace" / "py.typed").exists()
