"""Hands reports in for an integrator: one report, or some lines of a batch; and previews what the answer would be.

The reports of all callers of a process share transactions (shared_intake.py). `actor` is the person or system that the
access log names; `integrator` is the name by which a report is known to be its own later.
"""

from collections.abc import Sequence
from functools import partial

import msgspec

from node.answers.plain_json import presentable
from node.commands.publish import (
    CheckedItem,
    ItemAnswer,
    drafts_of,
    item_answers,
    validated,
)
from node.handing_in.idempotency import RequestKey, repeated
from node.handing_in.shared_intake import SharedIntake
from node.handing_in.write_requests import Answered, Request
from node.outgoing import kept_answers
from node.reports.ndjson import Item
from node.sending.publish import HandIn


async def hand_in_one(
    shared: SharedIntake, report: dict[str, object], *, actor: str, integrator: str, key: RequestKey | None
) -> Answered:
    """Hand one report in; a refused one is an answer with errors. Nothing of it was written then.

    Raises Refused `idempotency_key_reused`, and Unavailable.
    """
    checked = await validated(shared.intake, [(1, report)], shared.topology())
    drafts = drafts_of(checked)
    if drafts:
        [answered] = await shared.hand_in(
            _request(shared, checked, HandIn(drafts=drafts, actor=actor, integrator=integrator), key)
        )
        return answered
    before = None if key is None else await _answer_before(shared, integrator, key)
    if before is not None:  # the report was valid when it was accepted
        return before
    [refused] = item_answers(shared.intake, checked, (), None)
    return Answered(outcome=refused.outcome, json=msgspec.json.encode(presentable(refused)))


async def _answer_before(shared: SharedIntake, integrator: str, key: RequestKey) -> Answered | None:
    intake = shared.intake
    find = partial(kept_answers.find, integrator=integrator, keys=[key.key], now=intake.clock())
    kept = (await intake.store.read(find)).get(key.key)
    if kept is None:
        return None
    return Answered(outcome=repeated(kept, key).outcome, json=kept.answer)


async def hand_in_lines(shared: SharedIntake, items: Sequence[Item], *, actor: str, integrator: str) -> list[bytes]:
    """Hand the reports of some lines in; the answer of each line as JSON, in their order. Raises Unavailable."""
    checked = await validated(shared.intake, items, shared.topology())
    drafts = drafts_of(checked)
    if not drafts:
        answers = item_answers(shared.intake, checked, (), None)
        return [msgspec.json.encode(presentable(answer)) for answer in answers]
    return [
        answered.json
        for answered in await shared.hand_in(
            _request(shared, checked, HandIn(drafts=drafts, actor=actor, integrator=integrator), None)
        )
    ]


async def preview(shared: SharedIntake, report: dict[str, object], *, actor: str) -> ItemAnswer:
    """The answer that a report would get now. Nothing is written."""
    intake = shared.intake
    checked = await validated(intake, [(1, report)], shared.topology())
    drafts = drafts_of(checked)
    acceptances = await intake.publisher.accept(drafts, actor=actor, dry_run=True) if drafts else ()
    [answer] = item_answers(intake, checked, acceptances, None)
    return answer


def _request(shared: SharedIntake, checked: Sequence[CheckedItem], hand_in: HandIn, key: RequestKey | None) -> Request:
    return Request(
        hand_in=hand_in,
        answer=lambda acceptances, held_back: item_answers(shared.intake, checked, acceptances, held_back),
        key=key,
    )
