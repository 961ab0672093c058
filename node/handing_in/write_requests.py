"""Writes the reports of several requests in one transaction, with the answers that are kept by idempotency key."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from node.answers.plain_json import presentable
from node.commands.publish import ItemAnswer, why_held_back
from node.database.engine import Transaction
from node.database.locks import Lock, hold
from node.errors import Refused
from node.handing_in.idempotency import KEPT_OUTCOMES, RequestKey, repeated
from node.outgoing import kept_answers
from node.outgoing.kept_answers import KeptAnswer
from node.runtime.open_intake import OpenIntake
from node.sending.publish import Acceptance, HandIn


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The reports that one caller hands in."""

    hand_in: HandIn
    answer: Callable[[Sequence[Acceptance], str | None], list[ItemAnswer]]
    """Makes the answers from those of the publisher and from the reason why nothing is sealed now."""

    key: RequestKey | None = None
    """Only for a request with one report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One answer as it is sent."""

    outcome: str
    json: bytes


Result = list[Answered] | Refused
"""The answers of a request, or why its key may not be used."""


def write_requests(db: Transaction, requests: Sequence[Request], *, intake: OpenIntake) -> list[Result]:
    """Accept what was not accepted before; the result of each request, in their order. Raises Unavailable."""
    hold(db, Lock.INTAKE)
    now = intake.clock()
    known = _kept(db, requests, now)
    new = [request for request, kept in zip(requests, known, strict=True) if kept is None]
    accepted = iter(intake.publisher.accept_in(db, [request.hand_in for request in new]) if new else ())
    held_back = why_held_back(db, intake.home.node) if new else None
    to_keep: list[KeptAnswer] = []
    results: list[Result] = []
    for request, kept in zip(requests, known, strict=True):
        if kept is not None:
            results.append(kept)
            continue
        answers = [_encoded(answer) for answer in request.answer(next(accepted), held_back)]
        results.append(answers)
        to_keep += _to_keep(request, answers, now)
    kept_answers.keep(db, to_keep)
    return results


def _kept(db: Transaction, requests: Sequence[Request], now: int) -> list[Result | None]:
    """For each request the answer that it got before, or why it may not use its key; None for a new one."""
    found: list[Result | None] = []
    for request in requests:
        key, integrator = request.key, request.hand_in.integrator
        kept = None if key is None else kept_answers.find(db, integrator or "", [key.key], now=now).get(key.key)
        if key is None or kept is None:
            found.append(None)
            continue
        try:
            answer = repeated(kept, key)
            found.append([Answered(outcome=answer.outcome, json=answer.answer)])
        except Refused as refused:
            found.append(refused)
    return found


def _encoded(answer: ItemAnswer) -> Answered:
    return Answered(outcome=answer.outcome, json=msgspec.json.encode(presentable(answer)))


def _to_keep(request: Request, answers: Sequence[Answered], now: int) -> list[KeptAnswer]:
    if request.key is None:
        return []
    return [
        KeptAnswer(
            integrator=request.hand_in.integrator or "",
            key=request.key.key,
            body_digest=request.key.body_digest,
            outcome=answer.outcome,
            answer=answer.json,
            kept_at=now,
        )
        for answer in answers
        if answer.outcome in KEPT_OUTCOMES
    ]
