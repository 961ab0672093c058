"""The requests of the gateway, one function for each. Pure; docs/contract.md, "Gateway", has the table.

A function checks what must not travel: a purpose or a reason that a header cannot hold. The gateway checks the rest.
"""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import msgspec

from enlace.effects import Request
from enlace.errors import InvalidCall

JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"
EVENTS: Final = "text/event-stream"
STREAM_SILENCE_SECONDS_MAX: Final = 45.0  # the gateway sends a comment every 15 s; three are missing then
IDENTIFIERS_MAX: Final = 1_000  # of one request, by the contract; a longer list takes several
Texts = str | Iterable[str]
"""One value, or several of which one must match."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Purpose and reason of a consultation; the access log of the node keeps both (LED Art. 25)."""

    purpose: str
    """A code of the list of purposes, such as CROSS_CHECKING."""

    reason: str
    """In words, such as the number of the case."""

    def headers(self) -> dict[str, str]:
        """As headers. Raises InvalidCall if one is missing."""
        return {"Enlace-Purpose": _line(self.purpose, "purpose"), "Enlace-Reason": _line(self.reason, "reason")}


def _line(text: str, path: str) -> str:
    """A text on one line, with single spaces."""
    line = " ".join(text.split())
    if not line:
        raise InvalidCall("purpose_missing", f"a {path} is needed; the access log keeps it", path=path)
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in line):
        raise InvalidCall("value_invalid", f"the {path} contains characters that cannot be printed", path=path)
    return line


def publish(body: bytes, key: str) -> Request:
    """`POST /v1/reports`: repeatable, because the gateway answers a key that it knows with the first answer."""
    return Request(method="POST", path="/v1/reports", headers={"Content-Type": JSON, "Idempotency-Key": key}, body=body)


def preview(body: bytes) -> Request:
    """`POST /v1/reports:preview`."""
    return Request(method="POST", path="/v1/reports:preview", headers={"Content-Type": JSON}, body=body)


def batch(lines: Sequence[bytes]) -> Request:
    """`POST /v1/reports:batch`: repeatable, because the node answers a report that it has with `duplicate`."""
    headers = {"Content-Type": NDJSON, "Accept": NDJSON}
    return Request(method="POST", path="/v1/reports:batch", headers=headers, body=b"\n".join(lines) + b"\n")


def report_state(report_id: str) -> Request:
    """`GET /v1/reports/{report_id}`."""
    return Request(method="GET", path=f"/v1/reports/{_segment(report_id)}")


def messages(filters: Mapping[str, Texts | None], *, limit: int, after: str | None, why: Why) -> Request:
    """`GET /v1/messages`: one page."""
    query = [*_query(filters), ("limit", str(limit)), *_query({"after": after})]
    return Request(method="GET", path="/v1/messages", query=tuple(query), headers=why.headers())


def message(id_: str, why: Why) -> Request:
    """`GET /v1/messages/{id}`."""
    return Request(method="GET", path=f"/v1/messages/{_segment(id_)}", headers=why.headers())


def check(identifiers: Sequence[Mapping[str, str | None]], why: Why) -> Request:
    """`POST /v1/check`."""
    asked = [{name: value for name, value in item.items() if value is not None} for item in identifiers]
    headers = {"Content-Type": JSON, **why.headers()}
    return Request(method="POST", path="/v1/check", headers=headers, body=_json({"identifiers": asked}))


def stream(filters: Mapping[str, Texts | None], *, content: bool, last_event_id: str | None, why: Why) -> Request:
    """`GET /v1/stream`."""
    query = [*_query(filters), *([("content", "true")] if content else [])]
    headers = {"Accept": EVENTS, "Cache-Control": "no-store", **why.headers()}
    if last_event_id is not None:
        headers["Last-Event-ID"] = last_event_id
    return Request(
        method="GET",
        path="/v1/stream",
        query=tuple(query),
        headers=headers,
        silence_seconds_max=STREAM_SILENCE_SECONDS_MAX,
    )


def listed(path: str, query: Mapping[str, Texts | None], *, why: Why | None = None) -> Request:
    """`GET` of a list or an object, such as `/v1/status`."""
    headers = {} if why is None else why.headers()
    return Request(method="GET", path=path, query=tuple(_query(query)), headers=headers)


def status_now() -> Request:
    """`GET /v1/status`, with an answer that was made for this request."""
    return Request(method="GET", path="/v1/status", headers={"Cache-Control": "no-cache"})


def add_webhook(url: str, secret: str, subjects: Sequence[str], originators: Sequence[str]) -> Request:
    """`POST /v1/webhooks`: not repeatable, because each one adds a webhook."""
    target: dict[str, Any] = {"url": url, "secret": secret}
    if subjects:
        target["subjects"] = list(subjects)
    if originators:
        target["originators"] = list(originators)
    headers = {"Content-Type": JSON}
    return Request(method="POST", path="/v1/webhooks", headers=headers, body=_json(target), repeatable=False)


def remove_webhook(id_: str) -> Request:
    """`DELETE /v1/webhooks/{id}`."""
    return Request(method="DELETE", path=f"/v1/webhooks/{_segment(id_)}", repeatable=False)


def _segment(text: str) -> str:
    """A text as one segment of a path. Raises InvalidCall."""
    try:
        return quote(text, safe="")
    except UnicodeEncodeError:
        raise InvalidCall("value_invalid", "the id has characters that no id has", path="id") from None


def _query(filters: Mapping[str, Texts | None]) -> list[tuple[str, str]]:
    """The parameters that have a value; one of several values is repeated."""
    found = []
    for name, values in filters.items():
        given = () if values is None else (values,) if isinstance(values, str) else values
        found += [(name, value) for value in given if value]
    return found


def _json(value: Any) -> bytes:
    try:
        return msgspec.json.encode(value)
    except (TypeError, ValueError) as error:
        raise InvalidCall("not_json", f"the request cannot be written as JSON: {error}") from None
