"""When the client sends a request again, and after which pause."""

import pytest

from enlace import requests
from enlace.effects import Lost, Reply, Request
from enlace.errors import AnswerMalformed, GatewayFault, NotAllowed, RateLimited, Refused, Unavailable
from enlace.problems import problem_of, retry_after
from enlace.retries import RetryPolicy, answered
from tests.support.client_driver import BROKEN, Answer, Driven, drive, ok, problem

POLICY = RetryPolicy(attempts_max=4, pause_seconds=1.0, pause_seconds_max=3.0, retry_after_seconds_max=60.0)
PUBLISH = requests.publish(b"{}", "key-1")
ADD = requests.add_webhook("https://example.org/", "secret", (), ())


def ask(*answers: Answer, request: Request = PUBLISH, chance: float = 0.0) -> tuple[Reply, Driven]:
    return drive(answered(request, POLICY, lambda: chance), answers)


def test_an_attempt_that_failed_is_repeated_with_the_same_key_and_body() -> None:
    reply, driven = ask(BROKEN, problem(503, "store_unavailable"), ok())

    assert reply.status == 200
    assert driven.requests == [PUBLISH] * 3
    assert {request.headers["Idempotency-Key"] for request in driven.requests} == {"key-1"}


def test_the_pause_doubles_up_to_its_limit() -> None:
    _, driven = ask(BROKEN, BROKEN, BROKEN, ok())

    assert driven.waits == [1.0, 2.0, 3.0]


def test_chance_takes_at_most_half_of_a_pause_away() -> None:
    _, driven = ask(BROKEN, BROKEN, ok(), chance=1.0)

    assert driven.waits == [0.5, 1.0]


def test_the_client_gives_up_after_its_attempts() -> None:
    with pytest.raises(Unavailable, match="the connection broke") as raised:
        ask(BROKEN, BROKEN, BROKEN, BROKEN)

    assert raised.value.code == "gateway_unreachable"
    assert raised.value.retriable
    assert raised.value.__suppress_context__


def test_a_pause_is_never_shorter_than_retry_after() -> None:
    _, driven = ask(problem(429, "rate_limited", {"retry-after": "17"}), ok())

    assert driven.waits == [17.0]


def test_a_retry_after_that_is_longer_than_the_policy_is_not_waited_for() -> None:
    with pytest.raises(RateLimited) as raised:
        ask(problem(429, "rate_limited", {"retry-after": "61"}))

    assert raised.value.retry_after_seconds == 61


def test_a_date_of_retry_after_is_compared_with_the_date_of_the_answer() -> None:
    headers = {"retry-after": "Fri, 27 Nov 2026 10:00:30 GMT", "date": "Fri, 27 Nov 2026 10:00:00 GMT"}

    assert retry_after(headers) == 30
    assert retry_after({"retry-after": "soon"}) is None


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [(422, "report_refused", Refused), (401, "token_missing", NotAllowed), (500, "bug", GatewayFault)],
)
def test_an_error_that_does_not_pass_is_raised_at_once(status: int, code: str, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        ask(problem(status, code))


def test_a_request_that_must_not_be_repeated_is_not_sent_again_after_it_may_have_arrived() -> None:
    with pytest.raises(Unavailable):
        ask(BROKEN, request=ADD)


def test_a_request_that_must_not_be_repeated_is_sent_again_if_it_had_no_effect() -> None:
    not_sent = Lost("refused", was_sent=False)
    _, driven = ask(not_sent, problem(503, "store_unavailable"), ok(), request=ADD)

    assert len(driven.requests) == 3


def test_the_errors_of_fields_are_typed() -> None:
    fields = [{"path": "subjects[0]", "code": "unknown_code", "message": "is not a code", "allowed": ["A", "B"]}]
    error = problem_of(problem(422, "report_refused", errors=fields))

    assert isinstance(error, Refused)
    [field] = error.errors
    assert (field.path, field.code, field.message, field.allowed) == (
        "subjects[0]",
        "unknown_code",
        "is not a code",
        ("A", "B"),
    )
    assert "subjects[0]" in str(error)


def test_an_answer_that_is_not_of_the_gateway_says_so() -> None:
    """Such as the page of a proxy."""
    error = problem_of(Reply(status=502, headers={}, body=b"<html>Bad Gateway</html>"))

    assert isinstance(error, Unavailable)
    assert error.code == "gateway_answer"
    assert "html" not in str(error)


def test_an_answer_in_another_form_is_an_error_of_its_own() -> None:
    from enlace.answers import Published, decode

    with pytest.raises(AnswerMalformed, match="Published"):
        decode(Published, b'{"outcome": 5}')
