"""Hands in many reports: batches of NDJSON, the answers as they come, and no report lost or kept twice. Pure.

Rules:
- The gateway answers each line of a batch with one line, in their order, while it works.
- If the connection breaks, the lines without an answer are sent again. The node has perhaps kept a part of them; it
  answers those with `duplicate`. A line with an answer is never sent again.
- The pauses and the number of attempts are those of the policy; an answer resets the number.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from enlace import requests
from enlace.effects import END, Give, Lost, Open, Program, Pull, Read, Reply, Shut, Wait
from enlace.errors import AnswerMalformed, GatewayProblem, InvalidCall
from enlace.ndjson_lines import Lines
from enlace.problems import is_json, problem_in_line, require_media_type
from enlace.retries import Chance, RetryPolicy, pause, unreachable

LINES_IN_BATCH: Final = 100
LINES_IN_BATCH_MAX: Final = 10_000
BATCH_SIZE_BYTES_MAX: Final = 4_000_000  # a batch that would be longer is sent before the next report is added

NumberedLine = tuple[int, bytes]
"""The number of a report in the input, and its JSON on one line."""

DecodeLine = Callable[[bytes, int], Any]
"""Makes the answer of one line of JSON, and of the number of the report that it answers."""


def publish_many(
    line_of: Callable[[Any], bytes], decode: DecodeLine, *, batch_size: int, policy: RetryPolicy, chance: Chance
) -> Program[None]:
    """Give one answer for each report of the input, in their order. Raises GatewayProblem and InvalidCall."""
    if not 1 <= batch_size <= LINES_IN_BATCH_MAX:
        message = f"a batch has 1 to {LINES_IN_BATCH_MAX:,} reports"
        raise InvalidCall("value_invalid", message, path="batch_size")
    number, lines, size = 0, list[NumberedLine](), 0
    while True:
        report = yield Pull()
        line = b"" if report is END else line_of(report)
        if lines and (report is END or len(lines) == batch_size or size + len(line) > BATCH_SIZE_BYTES_MAX):
            yield from hand_in(lines, decode, policy=policy, chance=chance)
            lines, size = [], 0
        if report is END:
            return
        number, size = number + 1, size + len(line) + 1
        lines.append((number, line))


def hand_in(lines: Sequence[NumberedLine], decode: DecodeLine, *, policy: RetryPolicy, chance: Chance) -> Program[None]:
    """Give one answer for each of `lines`, in their order. Raises GatewayProblem."""
    left, failures = deque(lines), 0
    while left:
        before = len(left)
        problem: GatewayProblem = unreachable(Lost("the gateway ended its answer early", was_sent=True))
        try:
            yield from _exchange(left, decode)
        except Lost as lost:
            problem = unreachable(lost)
        except GatewayProblem as refused:
            if not refused.retriable:
                raise
            problem = refused
        yield Shut()
        if not left:
            return
        failures = 1 if len(left) < before else failures + 1
        seconds = pause(policy, failures, problem, chance)
        if seconds is None:
            raise problem
        yield Wait(seconds)


def _exchange(left: deque[NumberedLine], decode: DecodeLine) -> Program[None]:
    """Send what is left once; each report that is answered is taken away."""
    reply: Reply = yield Open(requests.batch([line for _, line in left]))
    require_media_type(reply, requests.NDJSON)
    lines = Lines()
    while piece := (yield Read()):
        for answer in lines.feed(piece):
            yield from _give(answer, left, decode)
    for answer in lines.end():
        if not is_json(answer):
            raise Lost("the gateway ended its answer in the middle of a line", was_sent=True)
        yield from _give(answer, left, decode)


def _give(answer: bytes, left: deque[NumberedLine], decode: DecodeLine) -> Program[None]:
    problem = problem_in_line(answer)
    if problem is not None:
        raise problem
    if not left:
        raise AnswerMalformed("answer_malformed", "the gateway answered more reports than it got")
    number, _ = left.popleft()
    yield Give(decode(answer, number))
