"""Reading what a node holds: search, one report with its decision, what was withheld or quarantined.

Every consultation of reports leaves an entry in the access log, as LED Art 25(1) asks; listing notes does not, as
they hold no personal data.
"""

import getpass
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from node.clock import now_ms
from node.errors import Refused, UsageError
from node.exchange.retry import RetriedRecord, retry_quarantined
from node.reports import identifier_text, identifiers
from node.runtime.current_judge import CurrentJudge
from node.runtime.home import Home
from node.runtime.open_node import open_store
from node.stages import Outcome
from node.store import access_log, message_search, pending_records, quarantine_retry, withheld_notes
from node.store import quarantine as store_quarantine
from node.store.access_log import Operation
from node.store.message_search import HeldMessage, Query
from node.store.pending_records import PendingMessage
from node.store.quarantine import QuarantineEntry
from node.store.withheld_notes import WithheldNote
from schemas import codes

SHOWN: Final = (
    "report_id",
    "message_id",
    "originator",
    "stream",
    "sequence",
    "created_at",
    "received_at",
    "report",
    "cursor",
)
"""What `show` answers besides the decision; null where the message is not held."""


def query_of(
    *,
    text: str | None,
    identifier: str | None,
    originator: str | None,
    subject: str | None,
    since: str | None,
    limit: int,
    after: str | None,
) -> Query:
    """The query of these fields; UsageError that names the one that is wrong."""
    if after is not None and not after.isdecimal():
        raise UsageError("usage", "this is no cursor", path="after", hint="take it from an item of the last answer")
    return Query(
        text=text,
        identifier=_identifier(identifier) if identifier else None,
        originator=originator.upper() if originator else None,
        subject=_code(subject.upper(), "subjects", "subject") if subject else None,
        since=time_of(since, "since") if since else None,
        limit=limit,
        after=int(after) if after else 0,
    )


def _identifier(text: str) -> tuple[str, str]:
    scheme, separator, value = text.partition("=")
    if not separator or not value.strip():
        raise UsageError("usage", "an identifier is SCHEME=VALUE", path="identifier", hint="as IMO=9074729")
    scheme = _code(scheme.upper(), "schemes", "identifier")
    try:
        return scheme, identifiers.normalise(scheme, value)
    except identifier_text.IdentifierError as error:
        raise UsageError("invalid_identifier", error.reason, path="identifier", hint=error.hint) from None


def _code(value: str, name: str, field: str) -> str:
    listed = codes.load(name)
    if value not in listed.codes:
        message = f"{value} is none of {name} (version {listed.version})"
        raise UsageError("unknown_code", message, path=field, hint=f"one of {', '.join(listed.ordered)}")
    return value


def time_of(value: str, field: str) -> int:
    """A time of RFC 3339 in ms; a date alone is its midnight in UTC."""
    try:
        time = datetime.fromisoformat(value if "T" in value or " " in value else f"{value}T00:00:00+00:00")
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise UsageError("usage", f"{value} is no time with a zone", path=field, hint="as 2026-11-23T12:00:00Z")
    return int(time.timestamp() * 1000)


async def search(home: Home, query: Query) -> list[dict[str, Any]]:
    """The reports that fit, and one entry in the access log for each."""
    async with open_store(home) as store:
        async with store.read() as db:
            found = await message_search.search(db, query)
        await _log(store, found, "search")
    return [{name: getattr(message, name) for name in SHOWN} for message in found]


async def show(home: Home, id_: str) -> list[dict[str, Any]]:
    """The report or message `id_`, with the decision about it; also where it was withheld or waits."""
    try:
        wanted = UUID(id_)
    except ValueError:
        raise UsageError("usage", f"{id_} is no UUID", path="id") from None
    async with open_store(home) as store:
        async with store.read() as db:
            held = await message_search.by_id(db, report_id=str(wanted), message_id=wanted.bytes)
            notes = await withheld_notes.by_message_id(db, wanted.bytes)
            pending = await pending_records.by_message_id(db, wanted.bytes)
        await _log(store, held, "show")
    return [
        *(_shown(message, _stored(message)) for message in held),
        *(_shown(note, _decision(Outcome.WITHHELD, note.reason, note.agreement, note.clause)) for note in notes),
        *(_shown(record, _decision(record.outcome, record.reason)) for record in pending),
    ]


def _shown(message: HeldMessage | WithheldNote | PendingMessage, decision: dict[str, Any]) -> dict[str, Any]:
    return {name: getattr(message, name, None) for name in SHOWN} | {"decision": decision}


def _decision(outcome: str, reason: str, agreement: str | None = None, clause: str | None = None) -> dict[str, Any]:
    return {"outcome": outcome, "agreement": agreement, "clause": clause, "reason": reason}


def _stored(message: HeldMessage) -> dict[str, Any]:
    agreement, clause = message.agreement, message.clause
    reason = f"clause {clause} of {agreement} covers it" if agreement else "the node's own"
    return _decision(Outcome.STORED, reason, agreement, clause)


async def withheld(home: Home) -> list[dict[str, Any]]:
    """Every withheld message."""
    async with open_store(home) as store, store.read() as db:
        return [asdict(note) for note in await withheld_notes.notes(db)]


async def quarantine(home: Home, id_: str | None = None) -> list[dict[str, Any]]:
    """Every quarantined record without its bytes, or one with them."""
    async with open_store(home) as store, store.read() as db:
        if id_ is None:
            return [asdict(entry) for entry in await store_quarantine.entries(db)]
        found = await store_quarantine.records(db, [id_])
    return [asdict(kept.entry) | {"detail": kept.record.detail, "value": kept.record.value} for kept in found]


async def retry_quarantine(home: Home, ids: Sequence[str] | None) -> list[dict[str, Any]]:
    """Look again at the quarantined records `ids`, or at all; what each is now, and what became of it.

    Raises Refused with `not_found`, and nothing is looked at, if one of `ids` is not in quarantine.
    """
    async with open_store(home) as store:
        async with store.read() as db:
            known = await quarantine_retry.ids(db)
        if ids is not None and (missing := set(ids) - set(known)):
            message = f"no record of the id {min(missing)} is in quarantine"
            raise Refused("not_found", message, path="id")
        judge = CurrentJudge(home.documents(), home.node, home.keys()).judge
        wanted = known if ids is None else [id_ for id_ in known if id_ in set(ids)]
        done = await retry_quarantined(store, lambda: judge, wanted, clock=now_ms)
        async with store.read() as db:
            now = {entry.id: entry for entry in await store_quarantine.entries(db)}
    return [_retried(record, now.get(record.kept.id)) for record in done]


def _retried(retried: RetriedRecord, entry: QuarantineEntry | None) -> dict[str, Any]:
    """A record as `quarantine list` has it, with its code of now, or the one that it had until now."""
    if entry is None:
        entry, record = retried.kept.entry, retried.arrival.record
        if record is not None:
            entry = replace(entry, sequence=record.sequence)
    return {**asdict(entry), "outcome": retried.decision.outcome.value}


async def _log(store: Any, found: Iterable[HeldMessage], how: str) -> None:
    subjects = [(str(UUID(bytes=message.message_id)), how) for message in found]
    if subjects:
        async with store.write() as db:
            await access_log.add(db, Operation.CONSULTATION, actor=actor(), subjects=subjects, now=now_ms())


def actor() -> str:
    """Who uses the command line: the login name, and the effective user."""
    try:
        return f"{getpass.getuser()} (uid {os.geteuid()})"
    except (KeyError, OSError):
        return f"uid {os.geteuid()}"
