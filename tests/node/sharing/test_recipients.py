"""node/sharing/recipients.py: equal labels are decided once, and everything that decides tells labels apart."""

from typing import Any

import pytest
from msgspec import structs

from node.limits import DAY_MS
from node.primitives import ZERO_HASH
from node.reports.labels import labels_of
from node.reports.validate import validate
from node.sharing.recipients import RecipientCache, decide_recipients
from schemas.types import Labels
from tests.support.community import T0, Community, clause
from tests.support.exchange import TOPOLOGY, report

NOW = T0 + 2 * DAY_MS


def labels(**changes: Any) -> Labels:
    """Labels of a report."""
    draft = validate(report(), originator="BZ", topology=TOPOLOGY, now_ms=NOW, resolve_references={})
    return structs.replace(labels_of(draft.report, ZERO_HASH), **changes)


@pytest.fixture(scope="module")
def community() -> Community:
    """GT takes everything for a year from the day of intake, in one region."""
    made = Community(("BZ", "GT"))
    one = clause(["BZ"], ["GT"], regions=("caribbean",), retention_days_max=730)
    made.agreement("BZ-GT", ["BZ", "GT"], one)
    return made


def recipient_cache(community: Community) -> RecipientCache:
    """BZ's, now."""
    return RecipientCache(originator="BZ", governance=community.governance, at=NOW)


def test_labels_that_differ_in_salt_and_time_of_day_get_the_same_answer(community: Community) -> None:
    """The very same object: it was not worked out again."""
    decide, one = recipient_cache(community).decide, labels()
    other = structs.replace(one, salt=b"s" * 32, created_at=one.created_at + 1)

    assert decide(one, "caribbean") is decide(other, "caribbean")


@pytest.mark.parametrize(
    "changes",
    [
        {"subjects": ("CONTRABAND",)},
        {"subject_categories": ("VICTIM_OR_POTENTIAL_VICTIM",)},
        {"special_category": True},
        {"handling": ("H1",)},
        {"purpose": "OTHER"},
        {"retain_until": 2**20},
        {"created_at": NOW - DAY_MS},
        {"kind": "ANSWER"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_whatever_a_clause_looks_at_tells_labels_apart(community: Community, changes: dict[str, Any]) -> None:
    """Each gets an answer of its own, which is that of a decision made alone."""
    decide, one = recipient_cache(community).decide, labels()
    first = decide(one, "caribbean")
    other = structs.replace(one, **changes)
    if isinstance(changes.get("kind"), str):
        other = structs.replace(one, kind=type(one.kind)("ANSWER"))

    answer = decide(other, "caribbean")

    assert answer is not first
    assert answer == decide_recipients(
        other, region="caribbean", originator="BZ", governance=community.governance, at=NOW
    )


def test_regions_are_told_apart(community: Community) -> None:
    """A clause names the regions that it admits."""
    decide, one = recipient_cache(community).decide, labels()

    assert set(decide(one, "caribbean").admitted) == {"GT"}
    assert not decide(one, "europe").admitted
