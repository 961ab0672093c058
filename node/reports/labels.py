"""Derives from a report its labels, on which agreements decide, and the time when it expires.

Pure. Intake decides on the labels, sealing encrypts them, and step 16 of the verification derives them again from the
payload and compares. This module does not check the report (node/reports/rules.py) and does not apply an agreement
(node/sharing/policy.py).

Rules (docs/wire-format.md, "Sealing"):
- An array of the payload keeps its order; the labels have the sorted set of its items.
- subject_categories and special_category cover all persons of the payload.
- A sealed message expires at midnight UTC at the end of its retain_until day.
"""

from node.limits import DAY_MS
from schemas.avro.codec import sorted_set
from schemas.types import IntelligenceReport, Labels


def labels_of(report: IntelligenceReport, salt: bytes) -> Labels:
    """The labels of `report`. `salt` is 32 random bytes when sealing, and that of the received labels at step 16."""
    persons = [entity.person for entity in report.entities if entity.person is not None]
    return Labels(
        salt=salt,
        kind=report.kind,
        created_at=report.created_at,
        retain_until=report.retain_until,
        references=sorted_set(report.references),
        subjects=sorted_set(report.subjects),
        subject_categories=sorted_set(person.category for person in persons),
        special_category=any(person.special_category for person in persons),
        handling=sorted_set(report.handling),
        urgency=report.urgency,
        purpose=report.purpose,
    )


def expires_at(report: IntelligenceReport | Labels) -> int:
    """Milliseconds since 1970 of the midnight after `retain_until`, the `expires_at` of the header."""
    return (report.retain_until + 1) * DAY_MS


def utc_day(time_ms: int) -> int:
    """The UTC date of a time, in days since 1970. Retention counts from the date of created_at."""
    return time_ms // DAY_MS
