"""Runs a rule of the client without a network: a test gives the result of each effect, and sees what was asked."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from enlace.effects import END, Effect, Give, Lost, Now, Open, Program, Pull, Read, Reply, Request, Send, Shut, Wait

T = TypeVar("T")
BROKEN = Lost("the connection broke", was_sent=True)
NO_PROBLEM_LEFT = "the rule asks for more answers than the test has"

Answer = Reply | Lost | tuple[Reply, list[bytes | Lost]]
"""The answer to a request; with the pieces of its body, or where the connection breaks, for one that is streamed."""


def ok(value: Any = None, status: int = 200) -> Reply:
    """An answer with JSON."""
    return Reply(status=status, headers={}, body=msgspec.json.encode(value))


def problem(status: int, code: str, headers: dict[str, str] | None = None, **more: Any) -> Reply:
    """A problem body (RFC 9457)."""
    body = {"type": "about:blank", "title": "", "status": status, "detail": f"about {code}", "code": code, **more}
    return Reply(status=status, headers=headers or {}, body=msgspec.json.encode(body))


@dataclass
class Driven:
    """What a rule did."""

    requests: list[Request] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    given: list[Any] = field(default_factory=list)
    time: float = 0.0


def drive(
    program: Program[T], answers: Iterable[Answer], items: Iterable[Any] = (), into: list[Driven] | None = None
) -> tuple[T, Driven]:
    """Run a rule to its end; its errors are raised, and `into` gets what it did before."""
    driven, left, source = Driven(), iter(answers), iter(items)
    if into is not None:
        into.append(driven)
    pieces: list[bytes | Lost] = []

    def exchange(request: Request) -> Any:
        nonlocal pieces
        driven.requests.append(request)
        answer = next(left, None)
        assert answer is not None, NO_PROBLEM_LEFT
        if not isinstance(answer, tuple):
            return answer
        reply, pieces = answer[0], list(answer[1])
        return reply

    def outcome(effect: Effect) -> Any:
        match effect:
            case Send(request) | Open(request):
                return exchange(request)
            case Read():
                return pieces.pop(0) if pieces else b""
            case Wait(seconds):
                driven.waits.append(seconds)
                driven.time += seconds
            case Now():
                return driven.time
            case Pull():
                return next(source, END)
            case Give(item):
                driven.given.append(item)
            case Shut():
                pieces.clear()
        return None

    return _run(program, outcome), driven


def _run(program: Program[T], outcome: Callable[[Effect], Any]) -> T:
    try:
        effect = next(program)
        while True:
            result = outcome(effect)
            effect = program.throw(result) if isinstance(result, Lost) else program.send(result)
    except StopIteration as end:
        value: T = end.value
        return value
