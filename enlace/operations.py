"""Each operation of the client as a rule that a session runs; both clients have the same. Pure, except for new keys."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from enlace import batches, following, pages, requests, waiting
from enlace.answers import Checked, Event, ItemAnswer, Message, Preview, Published, ReportState, decode, decode_object
from enlace.chance import chance, idempotency_key
from enlace.effects import Program, Reply, Request
from enlace.errors import AnswerMalformed, InvalidCall
from enlace.event_lines import ServerEvent
from enlace.report_json import Report, json_of, line_of
from enlace.requests import Texts, Why
from enlace.retries import RetryPolicy, answered

T = TypeVar("T")
Identifier = str | Mapping[str, str | None]
"""`SCHEME=VALUE`, `CC:SCHEME=VALUE`, or a mapping with scheme, value and perhaps country."""


def ask(request: Request, policy: RetryPolicy, parse: Callable[[bytes], T]) -> Program[T]:
    """The parsed answer to a request."""
    reply: Reply = yield from answered(request, policy, chance)
    return parse(reply.body)


def publish(report: Report, key: str | None, policy: RetryPolicy) -> Program[Published]:
    """Hand in one report. The key is the same in each attempt."""
    request = requests.publish(json_of(report), key or idempotency_key())
    return ask(request, policy, lambda body: decode(Published, body))


def preview(report: Report, policy: RetryPolicy) -> Program[Preview]:
    """Who would get a report."""
    return ask(requests.preview(json_of(report)), policy, lambda body: decode(Preview, body))


def publish_many(batch_size: int, policy: RetryPolicy) -> Program[None]:
    """Hand in each report of the input."""
    return batches.publish_many(line_of, _numbered, batch_size=batch_size, policy=policy, chance=chance)


def _numbered(answer: bytes, number: int) -> ItemAnswer:
    return msgspec.structs.replace(decode(ItemAnswer, answer), line=number)


def report_state(report_id: str, policy: RetryPolicy) -> Program[ReportState]:
    """How far an own report is."""
    return ask(requests.report_state(report_id), policy, lambda body: decode(ReportState, body))


def wait_until_stored(
    report_id: str, recipients: Sequence[str], timeout_seconds: float, policy: RetryPolicy
) -> Program[ReportState]:
    """Wait until recipients have stored an own report."""
    return waiting.wait_until_stored(
        report_id, recipients, timeout_seconds=timeout_seconds, policy=policy, chance=chance
    )


def messages(
    filters: Mapping[str, Texts | None], *, page_size: int, after: str | None, why: Why, policy: RetryPolicy
) -> Program[None]:
    """Give each message that matches."""
    kept = {name: value if isinstance(value, str | None) else tuple(value) for name, value in filters.items()}

    def request_after(cursor: str | None) -> Request:
        return requests.messages(kept, limit=page_size, after=cursor, why=why)

    return pages.messages(request_after, after=after, policy=policy, chance=chance)


def message(id_: str, why: Why, policy: RetryPolicy) -> Program[Message]:
    """One message with the decision about it."""
    return ask(requests.message(id_, why), policy, lambda body: decode(Message, body))


def check(identifiers: Iterable[Identifier], why: Why, policy: RetryPolicy) -> Program[list[Checked]]:
    """The answers to identifiers."""
    return pages.check([_question(item) for item in identifiers], why, policy=policy, chance=chance)


def _question(identifier: Identifier) -> Mapping[str, str | None]:
    if not isinstance(identifier, str):
        return identifier
    named, separator, value = identifier.partition("=")
    if not separator:
        hint = "write it as IMO=9074729 or BZ:PASSPORT=P1234567"
        raise InvalidCall("wrong_format", "an identifier is SCHEME=VALUE or CC:SCHEME=VALUE", hint=hint)
    country, colon, scheme = named.rpartition(":")
    return {"scheme": scheme.strip(), "value": value, "country": country.strip() if colon else None}


def stream(
    filters: Mapping[str, Texts | None], *, content: bool, last_event_id: str | None, why: Why, policy: RetryPolicy
) -> Program[None]:
    """Give each message that arrives."""
    kept = {name: value if isinstance(value, str | None) else tuple(value) for name, value in filters.items()}

    def request_after(event_id: str | None) -> Request:
        return requests.stream(kept, content=content, last_event_id=event_id, why=why)

    return following.follow(request_after, _event, last_event_id=last_event_id, policy=policy, chance=chance)


def _event(event: ServerEvent) -> Event:
    if event.id is None or event.data is None:
        raise AnswerMalformed("answer_malformed", "an event has no id")
    return Event(id=event.id, message=decode(Message, event.data))


def listed(
    path: str, key: str, query: Mapping[str, Texts | None], *, policy: RetryPolicy, why: Why | None = None
) -> Program[None]:
    """Give each object of a list."""

    def request_after(cursor: str | None) -> Request:
        return requests.listed(path, {**query, "after": cursor}, why=why)

    return pages.objects(request_after, key, after=None, policy=policy, chance=chance)


def status(policy: RetryPolicy) -> Program[dict[str, Any]]:
    """The state of the node."""
    return ask(requests.listed("/v1/status", {}), policy, decode_object)


def add_webhook(
    url: str, secret: str, subjects: Sequence[str], originators: Sequence[str], policy: RetryPolicy
) -> Program[dict[str, Any]]:
    """Register a webhook."""
    return ask(requests.add_webhook(url, secret, subjects, originators), policy, decode_object)


def remove_webhook(id_: str, policy: RetryPolicy) -> Program[None]:
    """Remove a webhook."""
    return ask(requests.remove_webhook(id_), policy, lambda _: None)
