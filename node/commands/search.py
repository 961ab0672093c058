"""`search`: the reports that this node holds and that match a query."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from node.answers.arguments import parse_code, parse_identifier, parse_time
from node.answers.cursors import parse_number
from node.answers.plain_json import MessageId, TimeMs
from node.clock import now_ms
from node.commands.consultation import log_consultation
from node.commands.justification import NO_REASON, Justification, required_justification
from node.database.engine import Store
from node.database.folding import words_of
from node.errors import UsageError
from node.store import message_search
from node.store.message_search import HeldMessage, Query
from schemas.excerpts import quoted
from schemas.formats import time_text
from schemas.types import Record

COMMAND: Final = "search"
PAGE_SIZE_BYTES_MAX: Final = 4 * 1024 * 1024  # of payloads; 1,000 reports of the longest kind have 250 MB


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
    texts: Sequence[str] = (),
    identifiers: Sequence[str] = (),
    originators: Sequence[str] = (),
    subjects: Sequence[str] = (),
    *,
    since: str | None,
    limit: int,
    after: str | None,
) -> Query:
    """The query of these arguments; of a list, a report has to fit one. UsageError that names the wrong one."""
    cursor = _cursor(after)
    for text in texts:
        if not words_of(text):
            hint = "give at least one word of letters or digits"
            raise UsageError("value_invalid", f"{quoted(text)} contains no word", path="text", hint=hint)
    return Query(
        texts=tuple(texts),
        identifiers=tuple(parse_identifier(identifier, "identifier") for identifier in identifiers),
        originators=tuple(originator.upper() for originator in originators),
        subjects=tuple(parse_code(subject, "subjects", "subject") for subject in subjects),
        since=parse_time(since, "since") if since else None,
        limit=limit,
        after=cursor,
    )


def _cursor(after: str | None) -> int:
    """The id of a message. Raises UsageError for a text that is not the cursor of an answer."""
    if not after:
        return 0
    number = parse_number(after)
    if number is None:
        hint = "take it from an item of the last answer"
        raise UsageError("usage", f"{quoted(after)} is not a valid cursor", path="after", hint=hint)
    return number


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPage:
    """Some reports that match, in the order of their arrival."""

    messages: tuple[FoundReport, ...]
    next: str | None
    """The cursor of the next page; None: there is none."""


async def search_page(
    store: Store, query: Query, *, actor: str, why: Justification, now: int, poll: bool = False
) -> FoundPage:
    """The reports that match `query` and have not expired; logged as a consultation that shows this page.

    A page of long reports ends early, so that an answer fits into the memory of the node; `next` goes on after it.
    `poll`: as in `search`.
    """
    query = replace(query, unexpired_at=now)
    page, more = await store.read(lambda db: message_search.page(db, query, bytes_max=PAGE_SIZE_BYTES_MAX))
    await log_consultation(store, page, query=_logged(query), why=why, command=COMMAND, actor=actor, poll=poll)
    return FoundPage(messages=tuple(_readable(page)), next=page[-1].cursor if more else None)


async def search(
    store: Store,
    query: Query,
    *,
    actor: str,
    why: Justification = NO_REASON,
    include_expired: bool = False,
    poll: bool = False,
) -> list[FoundReport]:
    """The reports that match `query`, in the order of their arrival; logged as a consultation of `actor`.

    `poll`: a machine asks; when it repeats a question that finds nothing, this is counted and not logged each time.

    Reports that have expired and are not erased yet are for a data-protection officer. Raises UsageError
    `purpose_missing` if they are asked for without a purpose and a reason.
    """
    if include_expired:
        required_justification(why.purpose, why.reason)
    query = replace(query, unexpired_at=None if include_expired else now_ms())
    messages = await store.read(lambda db: message_search.search(db, query))
    await log_consultation(store, messages, query=_logged(query), why=why, command=COMMAND, actor=actor, poll=poll)
    return _readable(messages)


def _readable(messages: Sequence[HeldMessage]) -> list[FoundReport]:
    """Those whose content was not erased meanwhile."""
    return [found_report(message) for message in messages if message.report is not None]


def found_report(message: HeldMessage) -> FoundReport:
    """The answer for a message, which must have its report."""
    if message.report is None:
        raise ValueError("the content of the message was erased")
    return FoundReport(
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


def _logged(query: Query) -> str:
    """The filters of a query as JSON, as the access log keeps them."""
    filters: dict[str, Any] = {
        "text": _one_or_list(query.texts),
        "identifier": _one_or_list([question.text for question in query.identifiers]),
        "originator": _one_or_list(query.originators),
        "subject": _one_or_list(query.subjects),
        "since": None if query.since is None else time_text(query.since),
        "after": query.after or None,
        "limit": query.limit,
        "include_expired": True if query.unexpired_at is None else None,
    }
    return msgspec.json.encode({name: value for name, value in filters.items() if value is not None}).decode()


def _one_or_list(values: Sequence[str]) -> str | Sequence[str] | None:
    """A single value as it is, as earlier versions logged it."""
    return values[0] if len(values) == 1 else values or None
