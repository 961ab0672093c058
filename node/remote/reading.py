"""`search`, `show`, `receipts` and `status` through a gateway; the answers have the keys of the local commands."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from enlace import requests
from enlace.answers import decode_object
from enlace.effects import Request
from enlace.operations import ask
from enlace.requests import Texts, Why
from enlace.sync_session import Session
from node.errors import UsageError
from node.remote.gateway_address import GatewayAddress
from node.remote.sessions import session

EVERYTHING_SINCE: Final = "1970-01-01T00:00:00Z"  # a gateway wants a filter; no report is older than this one
POLL_SECONDS: Final = 0.3


def filters_of(
    texts: Sequence[str] = (),
    identifiers: Sequence[str] = (),
    originators: Sequence[str] = (),
    subjects: Sequence[str] = (),
    *,
    since: str | None,
) -> dict[str, Texts | None]:
    """The filters of a search, all of which must match, and of several values any."""
    filters: dict[str, Texts | None] = {
        "text": texts,
        "identifier": identifiers,
        "originator": originators,
        "subject": subjects,
        "since": since,
    }
    return filters if any(filters.values()) else {"since": EVERYTHING_SINCE}


def search(
    address: GatewayAddress,
    filters: Mapping[str, Texts | None],
    *,
    limit: int,
    after: str | None,
    purpose: str | None,
    reason: str | None,
) -> list[Any]:
    """The first `limit` reports that the node holds and that match. A page of long reports may end before that."""
    why = Why(purpose=purpose or "", reason=reason or "")
    found: list[Any] = []
    with session(address) as opened:
        while True:
            request = requests.messages(filters, limit=limit - len(found), after=after, why=why)
            page = _asked(opened, request)
            found += page["messages"]
            if page["next"] in (None, after) or len(found) >= limit:
                return found
            after = page["next"]


def show(address: GatewayAddress, id_: str, *, purpose: str | None, reason: str | None) -> list[Any]:
    """The messages of an id, each with the decision about it."""
    with session(address) as opened:
        found = _asked(opened, requests.message(id_, Why(purpose=purpose or "", reason=reason or "")))
    return [found, *found.pop("others", ())]


def receipts(address: GatewayAddress, id_: str) -> list[dict[str, Any]]:
    """The outcome of an own report at each recipient."""
    with session(address) as opened:
        found = _asked(opened, requests.report_state(id_))
    return list(_outcomes(found))


def _outcomes(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for message in (found, *found.get("others", ())):
        for item in message.get("recipients", ()):
            yield {"message_id": message["message_id"], **item}


def status(address: GatewayAddress, until: str | None, seconds: float) -> tuple[dict[str, Any], bool]:
    """The state of the node, and whether it is `until`; asks for at most `seconds`."""
    deadline = time.monotonic() + seconds
    with session(address) as opened:
        while True:
            seen = _asked(opened, requests.status_now())
            if until is None or _has_reached(seen, until):
                return seen, True
            left = deadline - time.monotonic()
            if left <= 0:
                return seen, False
            time.sleep(min(POLL_SECONDS, left))


def _has_reached(seen: dict[str, Any], until: str) -> bool:
    return bool(seen.get(until.replace("-", "_")))


def refuse_expired(include_expired: bool) -> None:
    """Raise UsageError if expired reports are asked for: a gateway does not show them."""
    if include_expired:
        message = "a gateway does not show reports that have expired"
        hint = "ask on the machine of the node, as the owner of its home"
        raise UsageError("usage", message, path="include_expired", hint=hint)


def _asked(opened: Session, request: Request) -> dict[str, Any]:
    return opened.run(ask(request, opened.settings.policy, decode_object))
