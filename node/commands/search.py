"""`search`: the reports that this node holds and that match a query."""

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from node.answers.arguments import parse_code, parse_identifier, parse_time
from node.answers.plain_json import MessageId, TimeMs
from node.commands.consultation import log_consultation
from node.commands.justification import Justification
from node.database.engine import Store
from node.errors import UsageError
from node.store import message_search
from node.store.message_search import Query
from schemas.formats import time_text
from schemas.types import Record

_NO_REASON: Final = Justification()


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundReport:
    """One report that matches."""

    report_id: str
    message_id: MessageId
    originator: str
    stream: str
    sequence: int
    created_at: TimeMs
    received_at: TimeMs
    report: Record
    cursor: str
    """Give this as `after` to get the next page."""


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
    """The query of these arguments; UsageError that names the wrong one."""
    if after is not None and not after.isdecimal():
        hint = "take it from an item of the last answer"
        raise UsageError("usage", f"{after} is not a valid cursor", path="after", hint=hint)
    return Query(
        text=text,
        identifier=parse_identifier(identifier, "identifier") if identifier else None,
        originator=originator.upper() if originator else None,
        subject=parse_code(subject, "subjects", "subject") if subject else None,
        since=parse_time(since, "since") if since else None,
        limit=limit,
        after=int(after) if after else 0,
    )


async def search(store: Store, query: Query, *, actor: str, why: Justification = _NO_REASON) -> list[FoundReport]:
    """The reports that match `query`, in the order of their arrival; logged as a consultation of `actor`."""
    messages = await store.read(lambda db: message_search.search(db, query))
    await log_consultation(store, messages, query=_logged(query), why=why, command="search", actor=actor)
    return [
        FoundReport(
            report_id=message.report_id,
            message_id=message.message_id,
            originator=message.originator,
            stream=message.stream,
            sequence=message.sequence,
            created_at=message.created_at,
            received_at=message.received_at,
            report=message.report,
            cursor=message.cursor,
        )
        for message in messages
    ]


def _logged(query: Query) -> str:
    """The filters of a query as JSON, as the access log keeps them."""
    filters: dict[str, Any] = {
        "text": query.text,
        "identifier": query.identifier.text if query.identifier else None,
        "originator": query.originator,
        "subject": query.subject,
        "since": None if query.since is None else time_text(query.since),
        "after": query.after or None,
        "limit": query.limit,
    }
    return msgspec.json.encode({name: value for name, value in filters.items() if value is not None}).decode()
