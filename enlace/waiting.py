"""Waits until recipients have stored an own report, by asking for its state. Pure.

An outcome may change: what waits for a grant, or is held, may be stored later. `withheld` and `rejected` are decisions;
they end the waiting with an error.
"""

from collections.abc import Sequence
from typing import Final

from enlace import requests
from enlace.answers import ReportState, decode
from enlace.effects import Now, Program, Reply, Wait
from enlace.errors import NotStored, TimedOut
from enlace.retries import Chance, RetryPolicy, answered

STORED: Final = "stored"
DECIDED_AGAINST: Final = ("withheld", "rejected")
STORED_TIMEOUT_SECONDS: Final = 60.0
PAUSE_SECONDS: Final = 0.2
PAUSE_SECONDS_MAX: Final = 5.0


def wait_until_stored(
    report_id: str, recipients: Sequence[str], *, timeout_seconds: float, policy: RetryPolicy, chance: Chance
) -> Program[ReportState]:
    """The state of the report once each of `recipients` has stored it; of all recipients, if none is named.

    Raises NotStored about a recipient that decided against it or is not in its audience, and TimedOut.
    """
    ends_at = (yield Now()) + timeout_seconds
    pause = PAUSE_SECONDS
    while True:
        reply: Reply = yield from answered(requests.report_state(report_id), policy, chance)
        state = decode(ReportState, reply.body)
        wanted = list(recipients) or [item.recipient for item in state.recipients]
        missing = [code for code in wanted if state.outcome_at(code) != STORED]
        if not missing:
            return state
        _refuse_decided(state, missing)
        left = ends_at - (yield Now())
        if left <= 0:
            raise TimedOut("timed_out", _outcomes(state, missing), hint="ask again later; the report goes on its way")
        yield Wait(min(pause, left))
        pause = min(pause * 1.5, PAUSE_SECONDS_MAX)


def _refuse_decided(state: ReportState, missing: Sequence[str]) -> None:
    """Raise NotStored if one of `missing` will not store the report."""
    for code in missing:
        outcome = state.outcome_at(code)
        if outcome is None and state.recipients:
            hint = "the answer of `publish` says why the node may not have it"
            raise NotStored("not_addressed", f"{code} is not a recipient of the report", path="recipients", hint=hint)
        if outcome in DECIDED_AGAINST:
            raise NotStored(f"report_{outcome}", f"{code} has {outcome} the report", path="recipients")


def _outcomes(state: ReportState, missing: Sequence[str]) -> str:
    told = ", ".join(f"{code} {state.outcome_at(code) or 'is not a recipient yet'}" for code in missing)
    return f"the report is {state.state}; not stored in time: {told}"
