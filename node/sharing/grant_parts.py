"""Divides the grant of a large audience into parts, and joins the parts again ("Audience keys").

Pure. One record has room for about 150 entries. A grant in parts is several KEY_GRANTs of one key, one after the other
in one batch. A message names the last part. Rules for a reader:

- the first part is the first grant of its key; a grant of the key that does not follow it directly in its batch is not
  a part, so no later grant adds a reader;
- a message that names a part is for the entries of the parts from the first to that one; while a part is missing, it
  waits at nodes that have no entry in the others.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from msgspec import structs

from node.stages import Grant
from schemas.types import GrantEntry

ENTRIES_IN_PART_MAX: Final = 150  # the limit of KeyGrant
ENTRIES_SIZE_BYTES_MAX: Final = 250_000  # so that header, batch and path still fit into a record
_ENTRY_SIZE_BYTES: Final = 1168 + 32 + 8  # wrap, key id, and the lengths and counts of an entry
_CLAUSE_SIZE_BYTES: Final = 32 + 2


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantParts:
    """Grants of one key that follow each other directly in one batch."""

    parts: Sequence[Grant]
    begin: int
    """First sequence of the batch."""

    end: int
    """First sequence after the batch."""

    @property
    def key_id(self) -> bytes:
        """The id of the audience key."""
        return self.parts[0].body.audience_key_id


def divided(entries: Iterable[GrantEntry]) -> list[tuple[GrantEntry, ...]]:
    """The entries in as few parts as fit into records, in their order."""
    parts: list[list[GrantEntry]] = [[]]
    size = 0
    for entry in entries:
        more = _size(entry)
        if parts[-1] and (len(parts[-1]) == ENTRIES_IN_PART_MAX or size + more > ENTRIES_SIZE_BYTES_MAX):
            parts.append([])
            size = 0
        parts[-1].append(entry)
        size += more
    return [tuple(part) for part in parts]


def _size(entry: GrantEntry) -> int:
    """The size of an encoded entry in bytes, or a little more."""
    clauses = sum(_CLAUSE_SIZE_BYTES + len(reference.clause.encode()) for reference in entry.clauses)
    return _ENTRY_SIZE_BYTES + len(entry.recipient) + clauses


def joined(parts: Sequence[Grant], sequence: int, end: int) -> Grant:
    """The grant that a message means by naming `sequence`; it is not complete if a part of it is not here yet.

    `parts` are the grants of the key that are here, the first one first, all of one batch; `end` is the first sequence
    after that batch. If `sequence` cannot name a part, the answer is the first part, which does not have that sequence.
    """
    first = parts[0]
    if not first.sequence < sequence < end:
        return first
    named = [part for part in parts if part.sequence <= sequence]
    if any(part.body.use_until != first.body.use_until for part in named):
        return first
    entries = tuple(entry for part in named for entry in part.body.entries)
    complete = len(named) == sequence - first.sequence + 1
    return replace(first, sequence=sequence, body=structs.replace(first.body, entries=entries), complete=complete)
