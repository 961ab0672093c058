"""Reading what a node holds: search, one report with its decision, what was withheld or quarantined.

Every consultation of reports leaves an entry in the access log, as LED Art 25(1) asks; listing notes does not, as
they hold no personal data.
"""

import getpass
import os
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from node.clock import now_ms
from node.errors import Refused, UsageError
from node.exchange.retry import Retried, retry_quarantined
from node.reports import identifiers
from node.runtime.open_node import Home, open_store
from node.stages import Outcome
from node.store import messages, notes, retried
from node.store.messages import Query
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
    except identifiers.IdentifierError as error:
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
            found = await messages.search(db, query)
        await _log(store, found, "search")
    return found


async def show(home: Home, id_: str) -> list[dict[str, Any]]:
    """The report or message `id_`, with the decision about it; also where it was withheld or waits."""
    try:
        wanted = UUID(id_)
    except ValueError:
        raise UsageError("usage", f"{id_} is no UUID", path="id") from None
    async with open_store(home) as store:
        async with store.read() as db:
            held = await messages.by_id(db, report_id=str(wanted), message_id=wanted.bytes)
            unheld = await notes.by_message_id(db, wanted.bytes)
        await _log(store, held, "show")
    for row in held:
        agreement, clause = row.pop("agreement"), row.pop("clause")
        reason = f"clause {clause} of {agreement} covers it" if agreement else "the node's own"
        row["decision"] = {"outcome": Outcome.STORED, "agreement": agreement, "clause": clause, "reason": reason}
    return held + [dict.fromkeys(SHOWN) | row for row in unheld]


async def withheld(home: Home) -> list[dict[str, Any]]:
    """Every withheld message."""
    names = ("message_id", "originator", "stream", "sequence", "code", "agreement", "clause", "reason", "noted_at")
    async with open_store(home) as store, store.read() as db:
        return [{name: row[name] for name in names} for row in await notes.list_withheld(db)]


async def quarantine(home: Home, id_: str | None = None) -> list[dict[str, Any]]:
    """Every quarantined record without its bytes, or one with them."""
    async with open_store(home) as store, store.read() as db:
        return await notes.list_quarantine(db, with_value=id_)


async def retry_quarantine(home: Home, ids: Sequence[str] | None) -> list[dict[str, Any]]:
    """Look again at the quarantined records `ids`, or at all; what each is now, and what became of it.

    Raises Refused with `not_found`, and nothing is looked at, if one of `ids` is not in quarantine.
    """
    async with open_store(home) as store:
        async with store.read() as db:
            known = await retried.quarantined_ids(db)
        if ids is not None and (missing := set(ids) - set(known)):
            message = f"no record of the id {min(missing)} is in quarantine"
            raise Refused("not_found", message, path="id")
        installed = home.installed()
        wanted = known if ids is None else [id_ for id_ in known if id_ in set(ids)]
        done = await retry_quarantined(store, lambda: installed.judge, wanted, clock=now_ms)
        async with store.read() as db:
            now = {row["id"]: row for row in await notes.list_quarantine(db)}
    return [_retried(one, now.get(one.kept.id)) for one in done]


def _retried(one: Retried, row: dict[str, Any] | None) -> dict[str, Any]:
    """A record as `quarantine list` has it, with its code of now, or the one that it had until now."""
    kept, record = one.kept.row, one.found.record
    before = {
        "id": one.kept.id,
        "code": kept.code,
        "step": kept.step,
        "originator": kept.place.originator,
        "stream": kept.place.stream,
        "position": kept.position,
        "sequence": record.sequence if record is not None else kept.sequence,
        "size": len(kept.value),
        "received_at": one.kept.received_at,
    }
    return {**(row or before), "outcome": one.decision.outcome.value}


async def _log(store: Any, found: Iterable[dict[str, Any]], how: str) -> None:
    subjects = [(str(UUID(bytes=row["message_id"])), how) for row in found]
    if subjects:
        async with store.write() as db:
            await notes.log_access(db, "CONSULTATION", actor=actor(), subjects=subjects, now=now_ms())


def actor() -> str:
    """Who uses the command line: the login name, and the effective user."""
    try:
        return f"{getpass.getuser()} (uid {os.geteuid()})"
    except (KeyError, OSError):
        return f"uid {os.geteuid()}"
