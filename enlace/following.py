"""Follows the stream of the messages that arrive, over any number of connections. Pure.

Rules:
- After a connection broke, the next one goes on after the last event that was given: `Last-Event-ID`.
- An event with the id of the one before is not given again.
- A gateway that does not answer is asked again and again, with longer pauses. An error that does not pass by itself,
  such as a revoked token, is raised.
"""

from collections.abc import Callable
from typing import Any

from enlace.effects import Give, Lost, Open, Program, Read, Reply, Request, Shut, Wait
from enlace.errors import GatewayProblem
from enlace.event_lines import EventLines, ServerEvent
from enlace.problems import require_media_type
from enlace.requests import EVENTS
from enlace.retries import Chance, RetryPolicy, pause, unreachable

MESSAGE = "message"
RequestAfter = Callable[[str | None], Request]
"""The request for the events after an id."""

DecodeEvent = Callable[[ServerEvent], Any]


def follow(
    request_after: RequestAfter, decode: DecodeEvent, *, last_event_id: str | None, policy: RetryPolicy, chance: Chance
) -> Program[None]:
    """Give each event after `last_event_id`; without it, those that arrive from now on. Never ends by itself.

    Raises GatewayProblem if the gateway refuses, or if `attempts_max` of the policy is reached without an event.
    """
    place, failures = _Place(last_event_id), 0
    while True:
        before = place.id
        problem: GatewayProblem | None = None
        try:
            yield from _connection(request_after(place.id), decode, place)
        except Lost as lost:
            problem = unreachable(lost)
        except GatewayProblem as refused:
            problem = refused
        yield Shut()
        failures = 1 if place.id != before or problem is None else failures + 1
        problem = problem or unreachable(Lost("the gateway ended the stream", was_sent=True))
        seconds = pause(policy, failures, problem, chance)
        if seconds is None:
            raise problem
        yield Wait(max(seconds, place.retry_seconds or 0.0))


class _Place:
    """How far the stream was given."""

    def __init__(self, last_event_id: str | None) -> None:
        self.id = last_event_id
        self.retry_seconds: float | None = None


def _connection(request: Request, decode: DecodeEvent, place: _Place) -> Program[None]:
    """Give the events of one connection."""
    reply: Reply = yield Open(request)
    require_media_type(reply, EVENTS)
    lines = EventLines()
    while piece := (yield Read()):
        for event in lines.feed(piece):
            if event.id is not None and event.id == place.id:
                continue
            place.id = event.id or place.id
            if event.data is not None and event.kind == MESSAGE:
                yield Give(decode(event))
        place.retry_seconds = lines.retry_seconds
