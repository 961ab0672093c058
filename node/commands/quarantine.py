"""`quarantine list`, `quarantine show` and `quarantine retry`: the records that failed a step of the verification."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, cast

from node.answers import error_catalogue
from node.answers.arguments import parse_time
from node.answers.cursors import cursor_text, parse_cursor
from node.answers.plain_json import TimeMs
from node.clock import now_ms
from node.commands.consultation import log_asked
from node.commands.justification import NO_REASON, Justification
from node.database.engine import Store, Transaction
from node.errors import Refused
from node.exchange import retry
from node.runtime.current_judge import CurrentJudge
from node.runtime.home import Home
from node.stages import Outcome
from node.store import access_log
from node.store.access_log import Consultation, Operation
from node.undecided import quarantine as stored
from node.undecided import quarantine_retry
from node.undecided.quarantine import QuarantineEntry
from node.undecided.quarantine_filter import EVERYTHING, Filter
from node.undecided.quarantine_purge import groups, purge


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedRecord:
    """A record in quarantine, without its bytes."""

    id: str
    code: str
    step: int
    originator: str
    stream: str
    position: int
    sequence: int | None
    size: int
    """In bytes."""

    received_at: TimeMs
    authenticated: bool
    """A key of the originator signed it; anybody who can write to the topic may have written another record."""

    purged: bool
    """Its bytes were deleted here; code and digest stay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRecord(QuarantinedRecord):
    """A record in quarantine, with what is known of its failure."""

    detail: str
    remedy: str | None
    """What an operator can do, from the catalogue of errors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetriedRecord(QuarantinedRecord):
    """A record that was looked at again; its code is that of now, or the one that it had until now."""

    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupOfRecords:
    """The records of one code in the topics of one originator."""

    code: str
    step: int
    originator: str
    authenticated: bool
    records: int
    size: int
    """In bytes."""

    first_received_at: TimeMs
    last_received_at: TimeMs


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """What was deleted."""

    records: int
    size: int
    """In bytes."""


async def list_quarantine(
    store: Store,
    wanted: Filter = EVERYTHING,
    *,
    limit: int | None = None,
) -> list[QuarantinedRecord]:
    """The records in quarantine that fit, the oldest first; at most `limit`."""
    return [_record(entry) for entry in await store.read(lambda db: stored.entries(db, wanted, limit))]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinePage:
    """Some records in quarantine, the oldest first."""

    quarantine: tuple[QuarantinedRecord, ...]
    next: str | None
    """The cursor of the next page; None: there is none."""


async def quarantine_page(store: Store, fits: Filter = EVERYTHING, *, limit: int, after: str | None) -> QuarantinePage:
    """The records that fit after a cursor, at most `limit`. Raises UsageError for a wrong cursor."""
    place = cast("tuple[int, str] | None", parse_cursor(after, (int, str)))
    entries = await store.read(partial(stored.entries, wanted=replace(fits, after=place), limit=limit + 1))
    page, more = entries[:limit], len(entries) > limit
    return QuarantinePage(
        quarantine=tuple(map(_record, page)),
        next=cursor_text((page[-1].received_at, page[-1].id)) if more else None,
    )


async def summarise_quarantine(store: Store, wanted: Filter) -> list[GroupOfRecords]:
    """How many records fit, by code and originator, the most first."""
    return [GroupOfRecords(**asdict(group)) for group in await store.read(lambda db: groups(db, wanted))]


async def purge_quarantine(
    store: Store, wanted: Filter, *, actor: str, ids: Sequence[str] | None = None, before: str | None = None
) -> Purged:
    """Delete the bytes of the records that fit, or of `ids`; codes and digests stay as evidence.

    The access log has an erasure by `actor`.
    `before`: only those received before this RFC 3339 time. Raises UsageError for another text. Raises Refused
    `not_found`, with nothing deleted, if one of `ids` is not in quarantine.
    """
    if ids is not None and (missing := set(ids) - await store.read(lambda db: stored.present(db, ids))):
        raise Refused("not_found", f"no record of the id {min(missing)} is in quarantine", path="id")
    until = parse_time(before, "before") if before is not None else None
    now = now_ms()

    def purge_logged(db: Transaction) -> Purged:
        done = Purged(**purge(db, wanted, ids=ids, before=until))
        if done.records:
            detail = f"purged from quarantine: {done.records} records"
            access_log.add(db, Operation.ERASURE, actor=actor, subjects=[("", detail)], now=now)
        return done

    return await store.write(purge_logged)


async def show_quarantined(
    store: Store, id_: str, *, actor: str, raw: bool = False, why: Justification = NO_REASON
) -> tuple[ShownRecord, bytes]:
    """The record of this id, and its bytes; raises Refused `not_found`.

    Logged as a consultation of `actor`; `raw` says that the answer gives the bytes.
    """
    found = await store.read(lambda db: stored.records(db, [id_]))
    shown_ids = [kept.entry.id for kept in found]
    asked = Consultation(query=id_, subjects=shown_ids, purpose=why.purpose, reason=why.reason)
    await log_asked(store, asked, command="quarantine show, raw bytes" if raw else "quarantine show", actor=actor)
    for kept in found:
        shown = ShownRecord(
            **_fields(kept.entry), detail=kept.record.detail, remedy=error_catalogue.remedy(kept.record.code)
        )
        return shown, kept.record.value
    raise Refused("not_found", "no record of this id is in quarantine", path="id")


async def retry_quarantine(home: Home, store: Store, ids: Sequence[str] | None) -> list[RetriedRecord]:
    """Look again at the quarantined records `ids`, or at all; a record that verifies now is stored in its place.

    Raises Refused `not_found`, and looks at no record, if one of `ids` is not in quarantine.
    """
    known = await store.read(quarantine_retry.ids)
    if ids is not None and (missing := set(ids) - set(known)):
        raise Refused("not_found", f"no record of the id {min(missing)} is in quarantine", path="id")
    judge = CurrentJudge(home.documents(), home.node, home.keys()).judge
    wanted = known if ids is None else [id_ for id_ in known if id_ in set(ids)]
    done = await retry.retry_quarantined(store, lambda: judge, wanted, clock=now_ms)
    now = {entry.id: entry for entry in await store.read(stored.entries)}
    return [_retried(retried, now.get(retried.kept.id)) for retried in done]


def _retried(retried: retry.RetriedRecord, entry: QuarantineEntry | None) -> RetriedRecord:
    if entry is None:
        entry, record = retried.kept.entry, retried.arrival.record
        if record is not None:
            entry = replace(entry, sequence=record.sequence)
    return RetriedRecord(**_fields(entry), outcome=retried.decision.outcome)


def _record(entry: QuarantineEntry) -> QuarantinedRecord:
    return QuarantinedRecord(**_fields(entry))


def _fields(entry: QuarantineEntry) -> dict[str, Any]:
    """The fields that the types of this module have in common with a row."""
    return asdict(entry)
