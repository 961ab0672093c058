"""`findings list` and `findings acknowledge`: what is wrong with streams, and the word of an operator about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from node.answers import error_catalogue
from node.answers.plain_json import TimeMs
from node.clock import now_ms
from node.database.engine import Store, Transaction
from node.database.locks import Lock, hold
from node.errors import Refused, UsageError
from node.integrity import acknowledged_findings
from node.integrity.acknowledged_findings import ACKNOWLEDGED, KeptFinding

REASON_CHARACTERS_MAX: Final = 500  # it is kept in each row
FINDINGS_IN_PAGE_MAX: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedFinding:
    """A finding about a stream."""

    id: int
    code: str
    originator: str
    stream: str
    sequence: int | None
    last_sequence: int | None
    """Of a gap."""

    position: int | None
    found_at: TimeMs
    ended_at: TimeMs | None
    acknowledged_at: TimeMs | None
    acknowledged_by: str | None
    reason: str | None
    """Of the acknowledgement."""

    remedy: str | None


async def list_findings(store: Store, *, every: bool = False) -> list[ListedFinding]:
    """The findings that stand, without those that were acknowledged; `every`: all that the store has."""
    found: list[KeptFinding] = []
    after = 0
    while page := await store.read(
        partial(acknowledged_findings.kept, after=after, limit=FINDINGS_IN_PAGE_MAX, ended=every)
    ):
        found += page
        after = page[-1].id
    return [_listed(one) for one in found]


async def acknowledge_findings(store: Store, ids: Sequence[int], *, reason: str, actor: str) -> list[ListedFinding]:
    """Acknowledge findings; those that were acknowledged before stay as they are.

    Raises UsageError `value_invalid`, or Refused `not_found` or `finding_stands` and acknowledges nothing.
    """
    line = _reason(reason)
    return await store.write(partial(_acknowledge, ids=ids, reason=line, actor=actor, now=now_ms()))


def _acknowledge(db: Transaction, ids: Sequence[int], reason: str, actor: str, now: int) -> list[ListedFinding]:
    hold(db, Lock.FINDINGS)
    found = acknowledged_findings.of_ids(db, ids)
    if missing := set(ids) - {one.id for one in found}:
        hint = "`findings list` shows the ids"
        raise Refused("not_found", f"there is no finding of the id {min(missing)}", path="id", hint=hint)
    for one in found:
        if one.code not in ACKNOWLEDGED and one.closed_at is None:
            message = f"the finding {one.id} ({one.code}) stands for a state of the node, and ends with it"
            raise Refused("finding_stands", message, path="id", hint=error_catalogue.remedy(one.code))
    acknowledged_findings.acknowledge(db, found, by=actor, reason=reason, now=now)
    return [_listed(one) for one in acknowledged_findings.of_ids(db, ids)]


def _reason(text: str) -> str:
    """The reason on one line, with single spaces."""
    line = " ".join(text.split())
    if not line:
        hint = "say what was done about the findings, such as the number of the ticket"
        raise UsageError("value_invalid", "the reason is empty", path="reason", hint=hint)
    if len(line) > REASON_CHARACTERS_MAX:
        message = f"the reason has {len(line):,} characters; {REASON_CHARACTERS_MAX:,} are allowed"
        raise UsageError("value_invalid", message, path="reason", hint="refer to a ticket")
    if not line.isprintable():
        raise UsageError("value_invalid", "the reason contains characters that cannot be printed", path="reason")
    return line


def _listed(one: KeptFinding) -> ListedFinding:
    return ListedFinding(
        id=one.id,
        code=one.code,
        originator=one.originator,
        stream=one.stream,
        sequence=one.sequence,
        last_sequence=one.last_sequence,
        position=one.position,
        found_at=one.found_at,
        ended_at=one.closed_at,
        acknowledged_at=one.acknowledged_at,
        acknowledged_by=one.acknowledged_by,
        reason=one.acknowledged_reason,
        remedy=error_catalogue.remedy(one.code),
    )
