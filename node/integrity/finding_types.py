"""The findings of a check of a store: a stable code, the row, what it should be, and what it is. Pure.

The codes are in docs/errors.md ("Findings of a store"). A store with a million damaged rows must not fill the memory,
so of each code and table only the first FINDINGS_OF_A_KIND_MAX are listed; all are counted.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

FINDINGS_OF_A_KIND_MAX: Final = 100  # of one code in one table; enough to see what they have in common
TEXT_CHARS_MAX: Final = 200  # of a value in a finding


class FindingCode(StrEnum):
    """What can be wrong with a store."""

    STORE_DAMAGED = "store_damaged"
    SCHEMA_DIFFERS = "schema_differs"
    VALUE_INVALID = "value_invalid"
    ROW_ORPHANED = "row_orphaned"
    LINK_INVALID = "link_invalid"
    HIGHEST_DIFFERS = "highest_differs"
    ROW_UNPLACED = "row_unplaced"
    ROW_DOUBLED = "row_doubled"
    USED_ID_DIFFERS = "used_id_differs"
    RECORD_DIFFERS = "record_differs"
    PAYLOAD_DIFFERS = "payload_differs"
    INDEX_DIFFERS = "index_differs"
    HEAD_DIFFERS = "head_differs"
    OUTGOING_DIFFERS = "outgoing_differs"
    OWN_RECORD_MISSING = "own_record_missing"
    DRAFT_DIFFERS = "draft_differs"
    OUTCOMES_DIFFER = "outcomes_differ"
    REFERENCE_MISSING = "reference_missing"
    COUNT_DIFFERS = "count_differs"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFinding:
    """One thing that is wrong with a store."""

    code: str
    table: str
    key: str
    """The primary key of the row, as text; empty for a whole table."""

    expected: str
    found: str


class Findings:
    """Collects findings, with a limit for each code and table."""

    def __init__(self) -> None:
        self.listed: list[StoreFinding] = []
        self._counts: Counter[tuple[str, str]] = Counter()

    def report(self, code: FindingCode, table: str, key: str, *, expected: object, found: object) -> None:
        """Count a finding, and list it unless its code and table have FINDINGS_OF_A_KIND_MAX already."""
        kind = (code.value, table)
        self._counts[kind] += 1
        if self._counts[kind] <= FINDINGS_OF_A_KIND_MAX:
            self.listed.append(
                StoreFinding(code=code.value, table=str(table), key=key, expected=shown(expected), found=shown(found))
            )

    @property
    def counts(self) -> Mapping[str, int]:
        """How many findings of each code there are, those that are not listed included."""
        by_code: Counter[str] = Counter()
        for (code, _), count in self._counts.items():
            by_code[code] += count
        return dict(sorted(by_code.items()))


def shown(value: object) -> str:
    """A value as the text of a finding: bytes as hexadecimal, and cut if it is long."""
    text = value.hex() if isinstance(value, bytes) else str(value)
    return text if len(text) <= TEXT_CHARS_MAX else f"{text[:TEXT_CHARS_MAX]}…"


def key_of(*parts: object) -> str:
    """The key of a row as one text: its parts, separated by a slash."""
    return "/".join(shown(part) for part in parts)
