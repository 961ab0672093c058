"""Policy decisions: each rule of a clause, its boundary and its reason."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from node.limits import DAY_MS
from node.sharing.policy import PolicyDecision, decide, retention_days
from node.trust.document_versions import AgreementVersion, ClauseInForce
from schemas.types import Agreement, AgreementStatus, Clause, ClauseReference, Document, DocumentKind, LabelKind, Labels
from tests.support.community import (
    T0,
    YEAR,
    agreement_body,
    clause,
)

NOW = T0 + DAY_MS
LABELS = Labels(
    salt=bytes(32),
    kind=LabelKind.REPORT,
    created_at=NOW,
    retain_until=NOW // DAY_MS + 30,
    references=(),
    subjects=("ILLEGAL_LOGGING",),
    subject_categories=("SUSPECT",),
    special_category=False,
    handling=("H1",),
    urgency="NORMAL",
    purpose="INVESTIGATION",
)


@dataclass
class Agreements:
    """A replacement for Governance with the two methods that policy uses."""

    versions: list[AgreementVersion]

    def clauses_in_force(self, originator: str, recipient: str, t: int) -> tuple[ClauseInForce, ...]:
        return tuple(
            (version, clause)
            for version in self.versions
            if version.in_force(t)
            for clause in version.body.clauses
            if originator in clause.from_ and recipient in clause.to
        )

    def agreements_between(self, originator: str, recipient: str) -> tuple[AgreementVersion, ...]:
        return tuple(version for version in self.versions if {originator, recipient} <= set(version.body.parties))


def version(
    body: Agreement, identity: str = "BZ-GT", number: int = 1, missing: tuple[str, ...] = (), until: int = T0 + YEAR
) -> AgreementVersion:
    in_force = body.status is AgreementStatus.IN_FORCE and not missing
    zero = bytes(32)
    return AgreementVersion(
        hash=f"{identity}/{number}".encode().ljust(32, b"\0"),
        document=Document(
            community=zero,
            root=zero,
            kind=DocumentKind.AGREEMENT,
            id=identity,
            version=number,
            previous=zero,
            from_=T0,
            until=until,
            body=b"",
        ),
        body=body,
        missing=missing,
        in_force_from=T0,
        in_force_until=until if in_force else T0,
    )


def decided(*versions: AgreementVersion, at: int = NOW, **changes: Any) -> PolicyDecision:
    """The decision about LABELS with `changes`, from BZ to GT."""
    arguments: dict[str, Any] = {
        "region": changes.pop("region", "caribbean"),
        "recipient": changes.pop("recipient", "GT"),
        "clauses": changes.pop("clauses", None),
    }
    labels = structs.replace(LABELS, **changes)
    return decide(labels, originator="BZ", governance=Agreements(list(versions)), at=at, **arguments)


def agreement_with(**changes: Any) -> AgreementVersion:
    """An agreement with one clause, which covers every report except for `changes`."""
    return version(agreement_body(["BZ", "GT"], clause(["BZ"], ["GT"], **changes)))


def test_a_clause_that_covers_the_whole_report_allows_it() -> None:
    """The decision names agreement, clause and the reference for a grant."""
    decision = decided(agreement_with())

    assert (decision.outcome, decision.agreement, decision.clause) == ("allowed", "BZ-GT", "1")
    assert decision.allowing == (ClauseReference(agreement=agreement_with().hash, clause="1"),)
    assert decision.agreement_hash == agreement_with().hash


@pytest.mark.parametrize(
    ("restriction", "reason"),
    [
        ({"regions": ("europe",)}, "region caribbean is not in the clause"),
        ({"subjects": ("DRUG_TRAFFICKING",)}, "subject ILLEGAL_LOGGING is not in the clause"),
        ({"types": ("REQUEST",)}, "type REPORT is not in the clause"),
        ({"categories": ("WITNESS",)}, "category SUSPECT is not in the clause"),
        ({"handling": ("H0",)}, "handling code H1 is not in the clause"),
        ({"purposes": ("PREVENTION",)}, "purpose INVESTIGATION is not in the clause"),
        ({"retention_days_max": 29}, "retention 30 days exceeds 29"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_each_list_of_a_clause_refuses_codes_that_it_does_not_contain(restriction: dict[str, Any], reason: str) -> None:
    """The reason names the field and the value."""
    decision = decided(agreement_with(**restriction))

    assert (decision.outcome, decision.agreement, decision.clause) == ("refused", "BZ-GT", "1")
    assert decision.reason == reason
    assert [considered.reason for considered in decision.considered] == [reason]
    assert decision.allowing == ()


@pytest.mark.parametrize("name", ["regions", "subjects", "types", "categories", "handling", "purposes"])
def test_an_empty_list_covers_nothing(name: str) -> None:
    """Only `*` covers every code."""
    assert not decided(agreement_with(**{name: ()})).allowed


def test_special_category_data_needs_a_clause_that_allows_it() -> None:
    """Lists that cover everything are not enough."""
    assert decided(agreement_with(), special_category=True).reason == "special-category data is not in the clause"
    assert decided(agreement_with(special_categories=True), special_category=True).allowed


@pytest.mark.parametrize("days", [1, 1825])
def test_retention_is_allowed_up_to_its_limit(days: int) -> None:
    """It counts from the UTC date of intake, at any hour."""
    limit = agreement_with(retention_days_max=days)
    day = NOW // DAY_MS
    for created_at in (day * DAY_MS, (day + 1) * DAY_MS - 1):
        assert decided(limit, created_at=created_at, retain_until=day + days).allowed
        assert not decided(limit, created_at=created_at, retain_until=day + days + 1).allowed


def test_retention_counts_from_the_date_of_intake_in_utc() -> None:
    """A millisecond before midnight belongs to the previous day."""
    day = NOW // DAY_MS
    labels = structs.replace(LABELS, retain_until=day + 10)

    assert retention_days(structs.replace(labels, created_at=day * DAY_MS)) == 10
    assert retention_days(structs.replace(labels, created_at=day * DAY_MS - 1)) == 11


def test_every_code_of_the_report_must_be_in_the_list() -> None:
    """One missing code is enough to refuse."""
    both = ("DRUG_TRAFFICKING", "ILLEGAL_LOGGING")

    assert decided(agreement_with(subjects=("ILLEGAL_LOGGING",)), subjects=both).reason == (
        "subject DRUG_TRAFFICKING is not in the clause"
    )
    assert decided(agreement_with(subjects=both), subjects=both).allowed


def test_a_report_without_persons_needs_no_category() -> None:
    """An empty list refuses only codes that the report has."""
    assert decided(agreement_with(categories=()), subject_categories=()).allowed


def test_a_code_matches_only_itself() -> None:
    """Nor does `*` beside other codes."""
    assert not decided(agreement_with(subjects=("*", "WILDLIFE"))).allowed
    assert not decided(agreement_with(subjects=("ILLEGAL_LOGGIN",))).allowed


def test_clauses_are_not_combined() -> None:
    """Two clauses that each cover a part do not cover the report, in one agreement or in two."""
    left, right = {"subjects": ("ILLEGAL_LOGGING",), "handling": ("H0",)}, {"subjects": (), "handling": ("H1",)}
    body = agreement_body(["BZ", "GT"], clause(["BZ"], ["GT"], "1", **left), clause(["BZ"], ["GT"], "2", **right))

    assert not decided(version(body)).allowed
    assert not decided(agreement_with(**left), version(agreement_with(**right).body, "OTHER")).allowed


def test_every_clause_that_covers_the_report_is_named() -> None:
    """A grant names up to eight of them, so that it stays lawful if one of them ends."""
    body = agreement_body(["BZ", "GT"], *(clause(["BZ"], ["GT"], name) for name in ("1", "2")))
    decision = decided(version(body), agreement_with(subjects=()), version(body, "OTHER"))

    assert [(reference.agreement[:5], reference.clause) for reference in decision.allowing] == [
        (b"BZ-GT", "1"),
        (b"BZ-GT", "2"),
        (b"OTHER", "1"),
        (b"OTHER", "2"),
    ]
    assert [considered.reason for considered in decision.considered] == ["subject ILLEGAL_LOGGING is not in the clause"]


def test_without_an_agreement_a_report_is_refused() -> None:
    """Without an agreement the answer is no."""
    decision = decided(recipient="MX")

    assert (decision.outcome, decision.agreement, decision.clause) == ("refused", None, None)
    assert decision.reason == "no agreement names BZ and MX"
    assert decision.considered == ()


def test_a_clause_in_the_other_direction_does_not_apply() -> None:
    """The refusal names the agreement."""
    decision = decided(version(agreement_body(["BZ", "GT"], clause(["GT"], ["BZ"]))))

    assert (decision.agreement, decision.reason) == ("BZ-GT", "no clause lets BZ send to GT")


@pytest.mark.parametrize(
    ("agreement", "at", "reason"),
    [
        (version(agreement_body(["BZ", "GT"], status=AgreementStatus.SUSPENDED)), NOW, "agreement is suspended"),
        (version(agreement_body(["BZ", "GT"], status=AgreementStatus.ENDED)), NOW, "agreement is ended"),
        (version(agreement_body(["BZ", "GT"]), missing=("GT",)), NOW, "agreement is not signed by GT"),
        (agreement_with(), T0 - 1, "agreement is not in force before 2026-01-01T00:00:00Z"),
        (agreement_with(), T0 + YEAR, "agreement expired on 2027-01-01T00:00:00Z"),
    ],
    ids=["suspended", "ended", "unsigned", "early", "late"],
)
def test_the_reason_why_an_agreement_is_not_in_force(agreement: AgreementVersion, at: int, reason: str) -> None:
    """The reason is given for each clause that would apply."""
    decision = decided(agreement, at=at)

    assert (decision.outcome, decision.agreement, decision.clause) == ("refused", "BZ-GT", "1")
    assert decision.reason == reason


@pytest.mark.parametrize(("originator", "recipient"), [("MX", "GT"), ("BZ", "MX")], ids=["from another", "to another"])
def test_a_clause_between_two_other_nodes_does_not_apply(originator: str, recipient: str) -> None:
    """The clause must name the originator and the recipient, not only one of them."""
    body = agreement_body(["BZ", "GT", "MX"], clause([originator], [recipient]))

    assert decided(version(body)).reason == "no clause lets BZ send to GT"


def test_the_version_that_applies_gives_the_reason() -> None:
    """Neither an unsigned version nor a future one."""
    suspended = version(agreement_body(["BZ", "GT"], status=AgreementStatus.SUSPENDED))
    unsigned = version(agreement_body(["BZ", "GT"]), number=2, missing=("GT",))
    later = replace(
        agreement_with(),
        document=structs.replace(agreement_with().document, from_=NOW + 1, version=2),
        in_force_from=NOW + 1,
    )

    assert decided(suspended, unsigned).reason == "agreement is suspended"
    assert decided(suspended, later).reason == "agreement is suspended"


@pytest.mark.parametrize(("at", "allowed"), [(T0 - 1, False), (T0, True), (T0 + YEAR - 1, True), (T0 + YEAR, False)])
def test_an_agreement_is_in_force_from_its_from_until_before_its_until(at: int, allowed: bool) -> None:
    """from <= t < until."""
    assert decided(agreement_with(), at=at).allowed is allowed


def test_the_first_clause_that_covers_the_report_gives_the_reason() -> None:
    """The decision names one agreement and clause, beside the list of all that allow it."""
    body = agreement_body(["BZ", "GT"], *(clause(["BZ"], ["GT"], name) for name in ("1", "2")))
    decision = decided(version(body), version(body, "OTHER"))

    assert (decision.agreement, decision.clause) == ("BZ-GT", "1")
    assert (decision.agreement_hash, decision.reason) == (version(body).hash, "clause 1 of BZ-GT covers it")


def test_a_clause_that_fails_for_special_category_data_alone_passed_most_checks() -> None:
    """The order of the checks is that of the contract: retention comes before special-category data."""
    body = agreement_body(["BZ", "GT"], clause(["BZ"], ["GT"], "1", retention_days_max=1), clause(["BZ"], ["GT"], "2"))
    decision = decided(version(body), special_category=True)

    assert (decision.clause, decision.reason) == ("2", "special-category data is not in the clause")


def test_of_agreements_that_are_not_in_force_the_first_is_named() -> None:
    suspended = agreement_body(["BZ", "GT"], status=AgreementStatus.SUSPENDED)
    decision = decided(version(suspended), version(suspended, "OTHER"))

    assert (decision.outcome, decision.agreement) == ("refused", "BZ-GT")
    assert [considered.agreement for considered in decision.considered] == ["BZ-GT", "OTHER"]


def test_a_grant_without_a_clause_in_force_is_refused() -> None:
    decision = decided(agreement_with(), clauses=())

    assert (decision.outcome, decision.reason) == ("refused", "no clause that the grant names is in force")


def test_a_version_explains_the_refusal_from_the_moment_when_it_begins() -> None:
    """Also a version that another one has replaced, whose dates alone would say that it is in force."""
    suspended = version(agreement_body(["BZ", "GT"], status=AgreementStatus.SUSPENDED))
    later = replace(
        suspended,
        document=structs.replace(suspended.document, from_=NOW, version=2),
        body=agreement_body(["BZ", "GT"]),
        in_force_from=NOW,
    )
    assert decided(later, suspended, at=NOW).reason == "agreement is suspended"
    assert decided(suspended, later, at=NOW - 1).reason == "agreement is suspended"
    replaced = "a later version of the agreement has taken its place"
    assert decided(suspended, replace(later, in_force_until=T0), at=NOW).reason == replaced


def test_the_clause_that_passed_most_checks_is_named() -> None:
    """A clause that fails only for the purpose explains more than one that fails for the region. Both are listed."""
    body = agreement_body(
        ["BZ", "GT"], clause(["BZ"], ["GT"], "1", regions=()), clause(["BZ"], ["GT"], "2", purposes=())
    )
    decision = decided(version(body))

    assert (decision.clause, decision.reason) == ("2", "purpose INVESTIGATION is not in the clause")
    assert [considered.clause for considered in decision.considered] == ["1", "2"]


def test_an_originator_may_have_its_own_reports() -> None:
    """It needs no agreement."""
    decision = decided(recipient="BZ")

    assert decision.allowed
    assert decision.allowing == ()


def test_only_the_clauses_that_a_grant_names_count() -> None:
    """Another clause that would allow the report does not count."""
    body = agreement_body(["BZ", "GT"], clause(["BZ"], ["GT"], "1", subjects=()), clause(["BZ"], ["GT"], "2"))
    agreement = version(body)
    first, second = (ClauseReference(agreement=agreement.hash, clause=name) for name in ("1", "2"))

    assert decided(agreement, clauses=(first,)).reason == "subject ILLEGAL_LOGGING is not in the clause"
    assert decided(agreement, clauses=(first, second)).clause == "2"
    assert decided(agreement, clauses=()).reason == "no clause that the grant names is in force"
    elsewhere = ClauseReference(agreement=bytes(32), clause="2")
    assert not decided(agreement, clauses=(elsewhere,)).allowed


def test_a_recall_needs_only_a_clause_in_force() -> None:
    """A RECALL follows the messages that it recalls. Only a recipient, who has a grant, decides like this."""
    strict = agreement_with(subjects=(), regions=())
    reference = ClauseReference(agreement=strict.hash, clause="1")

    assert decided(strict, kind=LabelKind.RECALL, clauses=(reference,)).allowed
    assert not decided(strict, kind=LabelKind.RECALL, clauses=(reference,), at=T0 + YEAR).allowed
    assert not decided(strict, kind=LabelKind.RECALL).allowed


CODES = st.sampled_from(["A", "B", "C"])
LISTS = st.one_of(st.just(("*",)), st.lists(CODES, unique=True).map(lambda codes: tuple(sorted(codes))))
CLAUSES = st.builds(
    Clause,
    id=st.sampled_from(["1", "2", "3"]),
    from_=st.just(("BZ",)),
    to=st.just(("GT",)),
    retention_days_max=st.integers(0, 60),
    regions=LISTS,
    subjects=LISTS,
    types=st.just(("*",)),
    categories=LISTS,
    handling=LISTS,
    purposes=LISTS,
    special_categories=st.booleans(),
)
SETS = st.lists(CODES, unique=True).map(lambda codes: tuple(sorted(codes)))


@given(
    clauses=st.lists(CLAUSES, max_size=3, unique_by=lambda clause: clause.id),
    subjects=SETS,
    categories=SETS,
    handling=SETS,
    purpose=CODES,
    region=CODES,
    special=st.booleans(),
)
def test_a_decision_equals_the_rule_expressed_with_sets(
    clauses: list[Clause],
    subjects: tuple[str, ...],
    categories: tuple[str, ...],
    handling: tuple[str, ...],
    purpose: str,
    region: str,
    special: bool,
) -> None:
    """A report is allowed if and only if one clause is a superset in every dimension."""

    def covers(clause: Clause) -> bool:
        pairs = [
            ({region}, clause.regions),
            (set(subjects), clause.subjects),
            (set(categories), clause.categories),
            (set(handling), clause.handling),
            ({purpose}, clause.purposes),
        ]
        lists = all(listed == ("*",) or codes <= set(listed) for codes, listed in pairs)
        return lists and clause.retention_days_max >= 30 and (clause.special_categories or not special)

    agreement = version(Agreement(parties=("BZ", "GT"), clauses=tuple(clauses), status=AgreementStatus.IN_FORCE))
    changes: dict[str, Any] = {
        "subjects": subjects,
        "subject_categories": categories,
        "handling": handling,
        "purpose": purpose,
    }
    decision = decided(agreement, region=region, special_category=special, **changes)

    assert decision.allowed == any(covers(clause) for clause in clauses)
    assert [reference.clause for reference in decision.allowing] == [clause.id for clause in clauses if covers(clause)]
