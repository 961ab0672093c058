"""Many reports: an answer for each, in their order, also over connections that break."""

from typing import Any

import msgspec
import pytest

from enlace.batches import publish_many
from enlace.effects import Reply
from enlace.errors import AnswerMalformed, InvalidCall, RateLimited, Unavailable
from enlace.report_json import line_of
from enlace.retries import RetryPolicy
from tests.support.client_driver import BROKEN, Answer, Driven, drive, problem

POLICY = RetryPolicy(attempts_max=3, pause_seconds=1.0)
OK = Reply(status=200, headers={}, body=b"")


def reports(count: int) -> list[dict[str, int]]:
    return [{"number": number} for number in range(1, count + 1)]


def answers(*numbers: int, outcome: str = "accepted") -> bytes:
    return b"".join(msgspec.json.encode({"outcome": outcome, "of": number}) + b"\n" for number in numbers)


def run(*replies: Answer, count: int, batch_size: int = 100) -> Driven:
    def decoded(answer: bytes, number: int) -> Any:
        return number, msgspec.json.decode(answer)["of"]

    program = publish_many(line_of, decoded, batch_size=batch_size, policy=POLICY, chance=lambda: 0.0)
    return drive(program, replies, reports(count))[1]


def sent(driven: Driven) -> list[list[int]]:
    """The numbers of the reports in each request."""
    return [
        [msgspec.json.decode(line)["number"] for line in (request.body or b"").splitlines()]
        for request in driven.requests
    ]


def test_each_report_gets_the_answer_of_its_line() -> None:
    driven = run((OK, [answers(1, 2, 3)]), count=3)

    assert driven.given == [(1, 1), (2, 2), (3, 3)]


def test_an_answer_may_come_in_any_pieces() -> None:
    data = answers(1, 2)
    driven = run((OK, [data[:7], data[7:40], data[40:]]), count=2)

    assert driven.given == [(1, 1), (2, 2)]


def test_a_long_input_is_sent_in_batches_and_numbered_through() -> None:
    driven = run((OK, [answers(1, 2)]), (OK, [answers(3, 4)]), (OK, [answers(5)]), count=5, batch_size=2)

    assert sent(driven) == [[1, 2], [3, 4], [5]]
    assert [number for number, _ in driven.given] == [1, 2, 3, 4, 5]


def test_after_a_break_only_the_reports_without_an_answer_are_sent_again() -> None:
    driven = run((OK, [answers(1), BROKEN]), (OK, [answers(2, 3)]), count=3)

    assert sent(driven) == [[1, 2, 3], [2, 3]]
    assert driven.given == [(1, 1), (2, 2), (3, 3)]


def test_an_answer_that_is_cut_in_the_middle_of_a_line_is_no_answer() -> None:
    driven = run((OK, [answers(1)[:-4], BROKEN]), (OK, [answers(1)]), count=1)

    assert driven.given == [(1, 1)]


def test_an_answer_that_ends_early_is_continued() -> None:
    driven = run((OK, [answers(1)]), (OK, [answers(2)]), count=2)

    assert sent(driven) == [[1, 2], [2]]


def test_an_answer_resets_the_number_of_attempts() -> None:
    """Each connection brings one answer; more connections break than the policy allows in a row."""
    replies: list[Answer] = [(OK, [answers(number), BROKEN]) for number in range(1, 6)]
    driven = run(*replies, (OK, [answers(6)]), count=6)

    assert len(driven.given) == 6


def test_without_an_answer_the_client_gives_up() -> None:
    with pytest.raises(Unavailable):
        run(BROKEN, BROKEN, BROKEN, count=1)


def test_a_batch_that_is_refused_as_a_whole_is_sent_again_after_the_pause() -> None:
    driven = run(problem(429, "rate_limited", {"retry-after": "9"}), (OK, [answers(1)]), count=1)

    assert driven.waits == [9.0]


def test_a_line_with_an_error_ends_the_batch_and_the_rest_is_sent_again() -> None:
    error = msgspec.json.encode({"error": {"code": "disk_full", "message": "no space"}}) + b"\n"
    driven = run((OK, [answers(1), error]), (OK, [answers(2)]), count=2)

    assert sent(driven) == [[1, 2], [2]]


def test_more_answers_than_reports_are_an_error() -> None:
    """Otherwise the answers would be those of other reports."""
    with pytest.raises(AnswerMalformed):
        run((OK, [answers(1, 2)]), count=1)


def test_no_report_is_no_request() -> None:
    assert run(count=0).requests == []


def test_a_report_on_several_lines_is_one_line_of_the_batch() -> None:
    assert line_of('{\n  "number": 1\n}') == b'{"number":1}'


def test_a_line_end_inside_of_a_text_is_not_repaired() -> None:
    with pytest.raises(InvalidCall, match="not valid JSON"):
        line_of('{"text": "a\nb"}')


def test_an_error_that_does_not_pass_is_raised() -> None:
    with pytest.raises(RateLimited):
        run(problem(429, "rate_limited", {"retry-after": "9999"}), count=1)
