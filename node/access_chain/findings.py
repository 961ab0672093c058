"""The findings of a verification of the access log: a stable code, the entries, and what was expected and found. Pure.

The codes are in docs/errors.md ("Findings of the access log"). A log with a million changed entries must not fill the
memory, so of each code only the first FINDINGS_OF_A_CODE_MAX are listed; all are counted.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

FINDINGS_OF_A_CODE_MAX: Final = 100
_TIME_MS_END: Final = 253_402_300_800_000  # the year 10000


class AccessCode(StrEnum):
    """What can be wrong with an access log."""

    CHANGED = "access_entry_changed"
    DELETED = "access_entry_deleted"
    INSERTED = "access_entry_inserted"
    CUT = "access_log_cut"
    END_DIFFERS = "access_end_differs"
    HEAD_DIFFERS = "access_head_differs"
    HEAD_INVALID = "access_head_invalid"
    HEADS_MISSING = "access_heads_missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong with an access log."""

    code: AccessCode
    entry: int
    """The id of the first entry that it is about."""

    last_entry: int
    at: int | None
    """The time of the entry, or of the next one that is there, or when the head was signed; in ms. None if unknown."""

    expected: str
    found: str


class AccessFindings:
    """Collects findings, with a limit for each code."""

    def __init__(self) -> None:
        self.listed: list[Finding] = []
        self._counts: Counter[str] = Counter()

    def report(self, finding: Finding) -> None:
        """Count a finding, and list it unless its code has FINDINGS_OF_A_CODE_MAX already."""
        self._counts[finding.code.value] += 1
        if self._counts[finding.code.value] <= FINDINGS_OF_A_CODE_MAX:
            self.listed.append(finding)

    @property
    def counts(self) -> Mapping[str, int]:
        """How many findings of each code there are, those that are not listed included."""
        return dict(sorted(self._counts.items()))


def shown_time(value: object) -> int | None:
    """A time in ms that can be shown; None for a value that is no time of the years 1970 to 9999."""
    return value if isinstance(value, int) and 0 <= value < _TIME_MS_END else None
