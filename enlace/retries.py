"""When a request is sent again, and after which pause. Pure: the chance is an argument.

Rules:
- A request is sent again if it is repeatable, or if it surely had no effect: it was not sent, or it got 429 or 503.
- The pause doubles with each attempt. A random part of it is taken away, so that many clients do not come back at
  the same moment.
- `Retry-After` is kept: the pause is never shorter. If it is longer than the policy allows, the error is raised.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from enlace.effects import Lost, Program, Reply, Request, Send, Wait
from enlace.errors import GatewayProblem, RateLimited, Unavailable
from enlace.problems import problem_of

Chance = Callable[[], float]
"""A random number from 0 to 1."""

NO_EFFECT_STATUSES: Final = (429, 503)
DOUBLINGS_MAX: Final = 30  # a pause is at its longest before


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How patient the client is."""

    attempts_max: int = 6
    """How often a request is sent. A stream counts the failures since the last event."""

    pause_seconds: float = 0.5
    """The pause after the first attempt."""

    pause_seconds_max: float = 30.0
    retry_after_seconds_max: float = 120.0
    """A longer `Retry-After` is not waited for."""


def pause(policy: RetryPolicy, attempt: int, problem: GatewayProblem, chance: Chance) -> float | None:
    """Seconds until the next attempt; None: there is none. `attempt` is the number of those that failed, from 1."""
    if attempt >= policy.attempts_max or not problem.retriable:
        return None
    longest: float = min(policy.pause_seconds_max, policy.pause_seconds * 2 ** min(attempt - 1, DOUBLINGS_MAX))
    drawn = longest * (1 - chance() / 2)
    wanted = problem.retry_after_seconds
    if wanted is None:
        return drawn
    return None if wanted > policy.retry_after_seconds_max else max(wanted, drawn)


def unreachable(lost: Lost) -> Unavailable:
    """The error for an exchange that failed."""
    hint = "check that the gateway runs, and its address; what was accepted stays accepted"
    return Unavailable("gateway_unreachable", lost.reason, hint=lost.hint or hint)


def may_repeat(request: Request, problem: GatewayProblem, lost: Lost | None) -> bool:
    """Whether sending the request again cannot do its work twice."""
    if request.repeatable:
        return True
    return problem.status in NO_EFFECT_STATUSES if lost is None else not lost.was_sent


def answered(request: Request, policy: RetryPolicy, chance: Chance) -> Program[Reply]:
    """The answer without error to a request, which is sent again as the policy says. Raises GatewayProblem."""
    attempt = 0
    while True:
        attempt += 1
        lost: Lost | None = None
        try:
            reply: Reply = yield Send(request)
        except Lost as error:
            lost = error
            problem: GatewayProblem = unreachable(error)
        else:
            if reply.is_good:
                return reply
            problem = problem_of(reply)
        seconds = pause(policy, attempt, problem, chance) if may_repeat(request, problem, lost) else None
        if seconds is None:
            raise problem from None  # a traceback shows the error once, without the steps of the transport
        yield Wait(seconds)


def is_passing(problem: GatewayProblem) -> bool:
    """Whether the problem passes by itself."""
    return isinstance(problem, RateLimited | Unavailable)
