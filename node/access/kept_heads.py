"""Reads heads that an auditor kept: answers of `access verify`, lines of the file of heads, or both."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from node.errors import UsageError
from node.files import read_file
from schemas.formats import parse_time

KEPT_SIZE_BYTES_MAX: Final = 64 * 1024 * 1024  # 10,000 heads
_FORM: Final = "each line is an answer of `access verify`, or a line of the file of heads"


class _Head(msgspec.Struct, frozen=True, kw_only=True):
    entry: int
    hash: bytes
    at: int | str | None = None


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    head: _Head | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptHead:
    """A head of an earlier time."""

    entry: int
    hash: bytes
    at: int | None
    """In ms, if it is known."""


def read_kept_heads(path: Path) -> list[KeptHead]:
    """The heads of a file. Raises UsageError, also for a file without a line: nothing would be compared."""
    kept, data = [], read_file(path, KEPT_SIZE_BYTES_MAX, pipe=True)
    if not data.strip():
        raise UsageError("head_unreadable", f"{path} is empty", path="head", hint=_FORM)
    for number, line in enumerate(data.splitlines(), start=1):
        if line.strip():
            kept += _heads(line, number)
    return kept


def _heads(line: bytes, number: int) -> list[KeptHead]:
    try:
        value: Any = msgspec.json.decode(line)
        if isinstance(value, dict) and "head" in value:
            head = msgspec.convert(value, _Answer).head
        else:
            head = msgspec.json.decode(line, type=_Head)
        if head is None:
            return []
        at = parse_time(head.at) if isinstance(head.at, str) else head.at
    except (msgspec.DecodeError, ValueError):
        raise UsageError("head_unreadable", f"line {number} has no head", path="head", hint=_FORM) from None
    if not 0 < head.entry < 2**63:
        raise UsageError("head_unreadable", f"line {number} names no entry", path="head", hint=_FORM)
    return [KeptHead(entry=head.entry, hash=head.hash, at=at)]
