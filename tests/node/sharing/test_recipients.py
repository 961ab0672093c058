"""Recipients of reports: equal labels are decided once, and labels that a rule distinguishes are decided apart."""

from typing import Any

import pytest
from msgspec import structs

from node.limits import DAY_MS
from node.primitives import ZERO_HASH
from node.reports.labels import labels_of
from node.reports.validate import validate
from node.sharing.recipients import RecipientCache, decide_recipient, decide_recipients
from schemas.types import LabelKind, Labels
from tests.support.community import T0, Community, clause
from tests.support.exchange import TOPOLOGY, report

NOW = T0 + 2 * DAY_MS


def labels(**changes: Any) -> Labels:
    """Labels of a report."""
    draft = validate(report(), originator="BZ", topology=TOPOLOGY, now_ms=NOW, resolve_references={})
    return structs.replace(labels_of(draft.report, ZERO_HASH), **changes)


@pytest.fixture(scope="module")
def community() -> Community:
    """GT may have every report of one region, for up to two years."""
    made = Community(("BZ", "GT"))
    caribbean = clause(["BZ"], ["GT"], regions=("caribbean",), retention_days_max=730)
    made.agreement("BZ-GT", ["BZ", "GT"], caribbean)
    return made


def recipient_cache(community: Community) -> RecipientCache:
    """The cache of BZ."""
    return RecipientCache(originator="BZ", governance=community.governance, at=NOW)


def test_labels_that_differ_in_salt_and_time_of_day_get_the_same_answer(community: Community) -> None:
    """The same object, so the answer was not computed again."""
    decide, first = recipient_cache(community).decide, labels()
    other = structs.replace(first, salt=b"s" * 32, created_at=first.created_at + 1)

    assert decide(first, "caribbean") is decide(other, "caribbean")


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
        {"kind": LabelKind.ANSWER},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_labels_that_a_rule_distinguishes_get_their_own_answer(community: Community, changes: dict[str, Any]) -> None:
    """The answer is that of `decide_recipients` without the cache."""
    decide, first = recipient_cache(community).decide, labels()
    answer_of_first = decide(first, "caribbean")
    other = structs.replace(first, **changes)

    answer = decide(other, "caribbean")

    assert answer is not answer_of_first
    assert answer == decide_recipients(
        other, region="caribbean", originator="BZ", governance=community.governance, at=NOW
    )


def test_each_region_gets_its_own_answer(community: Community) -> None:
    """A clause lists the regions that it covers."""
    decide, first = recipient_cache(community).decide, labels()

    assert set(decide(first, "caribbean").admitted) == {"GT"}
    assert not decide(first, "europe").admitted


def test_a_node_that_may_not_have_the_report_is_refused_with_agreement_clause_and_reason(community: Community) -> None:
    [refusal] = recipient_cache(community).decide(labels(), "europe").refusals

    assert (refusal.recipient, refusal.agreement, refusal.clause) == ("GT", "BZ-GT", "1")
    assert refusal.reason == "region europe is not in the clause"


def test_a_node_without_a_valid_encrypt_key_is_refused_for_it(
    community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No originator can seal for it, even if the agreement allows it."""
    governance = community.governance
    monkeypatch.setattr(type(governance), "encrypt_keys", lambda *_: ())
    found = decide_recipients(labels(), region="caribbean", originator="BZ", governance=governance, at=NOW)

    assert dict(found.admitted) == {}
    assert [(refusal.recipient, refusal.reason) for refusal in found.refusals] == [
        ("GT", "GT has no valid ENCRYPT key")
    ]


def test_the_reason_of_the_clauses_comes_before_a_missing_key(
    community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    governance = community.governance
    monkeypatch.setattr(type(governance), "encrypt_keys", lambda *_: ())
    decision = decide_recipient(
        labels(), region="europe", originator="BZ", recipient="GT", governance=governance, at=NOW
    )

    assert (decision.allowed, decision.reason) == (False, "region europe is not in the clause")


@pytest.mark.parametrize(("valid", "missing"), [(True, "ENCRYPT key"), (False, "NODE document")])
def test_an_allowed_recipient_without_a_key_is_refused_for_what_it_lacks(
    valid: bool, missing: str, community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    governance = community.governance
    monkeypatch.setattr(type(governance), "encrypt_keys", lambda *_: ())
    monkeypatch.setattr(type(governance), "node_valid", lambda *_: valid)
    decision = decide_recipient(
        labels(), region="caribbean", originator="BZ", recipient="GT", governance=governance, at=NOW
    )

    assert (decision.outcome, decision.reason) == ("refused", f"GT has no valid {missing}")


def test_the_originator_needs_no_key_of_its_own(community: Community, monkeypatch: pytest.MonkeyPatch) -> None:
    governance = community.governance
    monkeypatch.setattr(type(governance), "encrypt_keys", lambda *_: ())
    decision = decide_recipient(
        labels(), region="caribbean", originator="BZ", recipient="BZ", governance=governance, at=NOW
    )

    assert decision.allowed


def test_a_full_cache_keeps_its_answers_and_takes_no_more(
    community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What does not fit is decided each time."""
    monkeypatch.setattr("node.sharing.recipients.ANSWERS_REMEMBERED_MAX", 1)
    decide, other = recipient_cache(community).decide, labels(purpose="OTHER")
    kept = decide(labels(), "caribbean")

    assert decide(other, "caribbean") is not decide(other, "caribbean")
    assert decide(labels(), "caribbean") is kept
