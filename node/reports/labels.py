"""What a report says of itself to the rules: its labels and the time it expires.

Pure. Labels are derived, never written by hand: intake decides on them, sealing encrypts them, and step 16 of the
verification derives them again from the payload and compares. Nothing here judges a report (node/reports/rules.py)
or an agreement (node/sharing/policy.py).

Rules ("Sealing"):
- The payload's arrays keep their order; labels hold the sorted set of each.
- subject_categories and special_category speak of all persons in the payload.
- A sealed message expires at the midnight, UTC, after its retain_until day.
"""

from node.limits import DAY_MS
from schemas.avro.codec import sorted_set
from schemas.types import IntelligenceReport, Labels


def labels_of(report: IntelligenceReport, salt: bytes) -> Labels:
    """The labels of `report`; `salt` is 32 random bytes at sealing, and those of the other side at step 16."""
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


def expires_at(report: IntelligenceReport) -> int:
    """Milliseconds since 1970 of the midnight after `retain_until`: what the header of a sealed message says."""
    return (report.retain_until + 1) * DAY_MS


def utc_day(time_ms: int) -> int:
    """The UTC date of a time, in days since 1970; retention counts from the one of created_at."""
    return time_ms // DAY_MS
