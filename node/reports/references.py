"""Reads `refers_to` of a report: which messages it names, each by originator and message id.

Pure. A message id alone does not identify a message, because another originator may use the same id. Rules:

- an item is a message id, or the originator and the id: `BZ:2f1c6b1e-7f0d-4a44-9a58-0c1e1f0a7d11`;
- an id without originator is that of an own message, or of the only message here with this id; if messages of several
  other originators have it, the item is refused and the error lists what may be written.
"""

import re
from collections.abc import Collection, Mapping
from typing import Final
from uuid import UUID

from schemas.field_errors import FieldError
from schemas.types import Reference

REFERENCES_MAX: Final = 1000  # the limit of an array in Labels
_ITEM: Final = re.compile(r"(?:([A-Z][A-Z0-9]{1,15}):)?([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})")

Originators = Mapping[bytes, Collection[str]]
"""Message id (16 bytes) -> the originators of the messages here that have it."""


def referred_ids(obj: object) -> tuple[bytes, ...]:
    """The well-formed message ids of `refers_to`; the caller looks them up before `read_references`."""
    named = obj.get("refers_to", []) if isinstance(obj, dict) else []
    if not isinstance(named, list):
        return ()
    items = [match for text in named if isinstance(text, str) and (match := _ITEM.fullmatch(text))]
    return tuple(dict.fromkeys(UUID(match[2]).bytes for match in items))[:REFERENCES_MAX]


def read_references(named: object, known: Originators, *, own: str, errors: list[FieldError]) -> tuple[Reference, ...]:
    """The references of `refers_to`. What is wrong is added to `errors`; `own` is the code of this node."""
    if not isinstance(named, list) or len(named) > REFERENCES_MAX:
        message = f"must be a list of at most {REFERENCES_MAX} message ids"
        errors.append(FieldError(path="refers_to", code="wrong_format", message=message))
        return ()
    references: list[Reference] = []
    for index, text in enumerate(named):
        path = f"refers_to[{index}]"
        reference = _reference(text, known, own, path)
        if isinstance(reference, FieldError):
            errors.append(reference)
            continue
        if reference in references:
            errors.append(FieldError(path=path, code="duplicate", message="is named twice"))
        references.append(reference)
    return tuple(references)


def _reference(text: object, known: Originators, own: str, path: str) -> Reference | FieldError:
    match = _ITEM.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        message = "is not a message id (UUID text, or CODE:UUID)"
        return FieldError(path=path, code="wrong_format", message=message)
    message_id = UUID(match[2])
    originators = sorted(known.get(message_id.bytes, ()))
    if match[1] is None and own in originators:
        originators = [own]
    if match[1] is not None:
        originators = [match[1]] if match[1] in originators else []
    if not originators:
        whose = f" of {match[1]}" if match[1] else ""
        message = f"this node knows no message{whose} with this id"
        return FieldError(path=path, code="unknown_message", message=message)
    if len(originators) > 1:
        message = f"messages of {', '.join(originators)} have this id; name the originator too"
        allowed = tuple(f"{code}:{message_id}" for code in originators)
        return FieldError(path=path, code="ambiguous_message", message=message, allowed=allowed)
    return Reference(originator=originators[0], message_id=message_id.bytes)
