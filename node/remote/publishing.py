"""`publish` through a gateway: the items of an input in, one answer for each out, as the local command gives them.

A line that is no JSON object is refused here with the same code as at the node; it does not travel.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from enlace import batches, requests
from enlace.answers import decode_object
from enlace.chance import chance
from enlace.errors import InvalidRequest, Refused
from enlace.operations import ask
from enlace.sync_session import Session
from node.reports.ndjson import Item
from schemas.field_errors import FieldError

_NOTHING: Final[dict[str, Any]] = {
    "report_id": None,
    "message_id": None,
    "audience": [],
    "refusals": [],
    "errors": [],
    "warnings": [],
    "held_back": None,
}


def publish(opened: Session, items: Sequence[Item], *, dry_run: bool) -> Iterator[dict[str, Any]]:
    """One answer for each item, in their order."""
    answers = _previewed(opened, items) if dry_run else _handed_in(opened, items)
    for number, item in items:
        if isinstance(item, FieldError):
            yield _refused(number, [msgspec.to_builtins(item)])
        else:
            yield next(answers)


def _handed_in(opened: Session, items: Sequence[Item]) -> Iterator[dict[str, Any]]:
    lines = [(number, msgspec.json.encode(item)) for number, item in items if isinstance(item, dict)]
    policy = opened.settings.policy
    if lines:
        yield from opened.each(batches.hand_in(lines, _numbered, policy=policy, chance=chance))


def _numbered(answer: bytes, number: int) -> dict[str, Any]:
    return decode_object(answer) | {"line": number}


def _previewed(opened: Session, items: Sequence[Item]) -> Iterator[dict[str, Any]]:
    for number, item in items:
        if isinstance(item, dict):
            yield _previewed_item(opened, number, item)


def _previewed_item(opened: Session, number: int, item: dict[str, Any]) -> dict[str, Any]:
    request = requests.preview(msgspec.json.encode(item))
    try:
        found = opened.run(ask(request, opened.settings.policy, decode_object))
    except (Refused, InvalidRequest) as error:
        if not error.errors:
            raise
        return _refused(number, [msgspec.to_builtins(field) for field in error.errors])
    return {"line": number, "outcome": "accepted", **_NOTHING, **found} | {"line": number}


def _refused(number: int, errors: list[Any]) -> dict[str, Any]:
    return {"line": number, "outcome": "refused", **_NOTHING, "errors": errors}
