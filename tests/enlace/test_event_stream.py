"""Server-sent events: their form, and a stream that goes on over connections that break."""

from typing import Any

import pytest

from enlace import operations
from enlace.effects import Reply
from enlace.errors import AnswerMalformed, NotAllowed, Unavailable
from enlace.event_lines import EVENT_SIZE_BYTES_MAX, EventLines, ServerEvent
from enlace.following import follow
from enlace.requests import Why, stream
from enlace.retries import RetryPolicy
from tests.support.client_driver import BROKEN, Answer, Driven, drive, problem

OK = Reply(status=200, headers={}, body=b"")
WHY = Why(purpose="CROSS_CHECKING", reason="Control at Melchor")
POLICY = RetryPolicy(attempts_max=3, pause_seconds=1.0)


def read(*pieces: bytes) -> list[ServerEvent]:
    lines = EventLines()
    return [event for piece in pieces for event in lines.feed(piece)]


def event(number: int) -> bytes:
    return b"event: message\nid: %d\ndata: {}\n\n" % number


def test_an_event_has_id_kind_and_data() -> None:
    assert read(event(7)) == [ServerEvent(id="7", kind="message", data=b"{}")]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_a_line_ends_with_lf_crlf_or_cr(end: bytes) -> None:
    data = event(1).replace(b"\n", end) + event(2).replace(b"\n", end) + b":"

    assert [found.id for found in read(data)] == ["1", "2"]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_an_event_may_come_byte_by_byte(end: bytes) -> None:
    data = (event(1) + event(2)).replace(b"\n", end) + b":"

    assert [found.id for found in read(*[bytes([byte]) for byte in data])] == ["1", "2"]


def test_comments_and_unknown_fields_are_skipped_and_several_lines_of_data_joined() -> None:
    assert read(b"\xef\xbb\xbf: hello\nother: x\nid: 1\ndata: a\ndata: b\n\n") == [
        ServerEvent(id="1", kind="message", data=b"a\nb")
    ]


def test_an_event_that_is_cut_off_is_dropped() -> None:
    assert read(b"id: 1\ndata: {}\n") == []


def test_an_event_without_an_end_is_refused() -> None:
    """A comment counts for itself only."""
    piece = b"data: " + b"x" * 50_000 + b"\n"
    with pytest.raises(AnswerMalformed):
        read(*[piece] * (EVENT_SIZE_BYTES_MAX // len(piece) + 1))


def run(*replies: Answer, last_event_id: str | None = None) -> Driven:
    """What the rule did until the test has no more answers: the stream itself never ends."""
    driven: list[Driven] = []

    def decoded(found: ServerEvent) -> Any:
        return found.id

    program = follow(
        lambda place: stream({}, content=False, last_event_id=place, why=WHY),
        decoded,
        last_event_id=last_event_id,
        policy=POLICY,
        chance=lambda: 0.0,
    )
    end = problem(401, "token_revoked")
    with pytest.raises(NotAllowed):
        drive(program, [*replies, end], into=driven)
    return driven[0]


def places(driven: Driven) -> list[str | None]:
    return [request.headers.get("Last-Event-ID") for request in driven.requests]


def test_the_next_connection_goes_on_after_the_last_event() -> None:
    driven = run((OK, [event(4) + event(5), BROKEN]), (OK, [event(6)]), last_event_id="3")

    assert driven.given == ["4", "5", "6"]
    assert places(driven) == ["3", "5", "6"]


def test_an_event_that_was_cut_off_comes_again_and_is_given_once() -> None:
    driven = run((OK, [event(1) + event(2)[:-3], BROKEN]), (OK, [event(2)]))

    assert driven.given == ["1", "2"]


def test_the_last_event_is_not_given_twice() -> None:
    driven = run((OK, [event(1), BROKEN]), (OK, [event(1) + event(2)]))

    assert driven.given == ["1", "2"]


def test_a_place_without_an_event_moves_the_stream() -> None:
    """So nothing is lost if the first connection breaks before its first event."""
    driven = run((OK, [b": open\nid: 41\n\n", BROKEN]), (OK, [event(42)]))

    assert driven.given == ["42"]
    assert places(driven) == [None, "41", "42"]


def test_the_pause_that_the_gateway_wants_is_kept() -> None:
    driven = run((OK, [b"retry: 3000\n\n" + event(1), BROKEN]))

    assert driven.waits == [3.0]


def test_an_event_resets_the_number_of_attempts() -> None:
    replies: list[Answer] = [(OK, [event(number), BROKEN]) for number in range(1, 6)]
    driven = run(*replies)

    assert len(driven.given) == 5


def test_a_gateway_that_stays_away_is_an_error_in_the_end() -> None:
    program = operations.stream({}, content=False, last_event_id=None, why=WHY, policy=POLICY)

    with pytest.raises(Unavailable):
        drive(program, [BROKEN, BROKEN, BROKEN])
