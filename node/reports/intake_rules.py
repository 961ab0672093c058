"""Rules that hold at intake only: recipients do not apply them, so a later version may change them.

Pure. The rules that every recipient applies are in node/reports/rules.py.

Rule:
- Nobody is born in the future: a birth date that has not begun anywhere on Earth is refused.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from node.limits import DAY_MS
from schemas.field_errors import FieldError
from schemas.types import IntelligenceReport

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST_ZONE_MS: Final = 14 * DAY_MS // 24  # Kiritimati is 14 hours ahead of UTC


def check_intake(report: IntelligenceReport, now_ms: int) -> list[FieldError]:
    """The findings about a report that is handed in at `now_ms`."""
    errors: list[FieldError] = []
    for index, entity in enumerate(report.entities):
        born = entity.person.birth_date if entity.person is not None else None
        if born is None:
            continue
        today = (_EPOCH + timedelta(milliseconds=now_ms + EARLIEST_ZONE_MS)).date().isoformat()
        if born > today[: len(born)] and born.replace("-", "").isdigit():
            path = f"entities[{index}].person.birth_date"
            errors.append(FieldError(path=path, code="out_of_range", message=f"is in the future: {born[:10]!r}"))
    return errors
