"""What is taken out of node/sharing/policy.py in turn: name, text, what stands there instead, the test that turns
red.
"""

from typing import Final

from tests.mutations.row import Rows

OPENING: Final = "tests/node/verification/test_opening.py"
POLICY: Final = "tests/node/sharing/test_policy.py"
BOUNDARY_INSTANTS: Final = f"{POLICY}::test_an_agreement_is_in_force_from_its_from_until_before_its_until"
ORIGINATOR_HOLDS: Final = f"{POLICY}::test_an_originator_may_have_its_own_reports"
WHAT_EXPIRED: Final = f"{OPENING}::test_what_expired_and_no_clause_covers_is_withheld_for_the_clause"
ONLY_CLAUSES: Final = f"{POLICY}::test_only_the_clauses_that_a_grant_names_count"
RECALL_NEEDS: Final = f"{POLICY}::test_a_recall_needs_only_a_clause_in_force"
CLAUSES_DO: Final = f"{POLICY}::test_clauses_are_not_combined"
SPECIAL_CATEGORY: Final = f"{POLICY}::test_special_category_data_needs_a_clause_that_allows_it"
CLAUSE_CAME: Final = f"{POLICY}::test_the_clause_that_passed_most_checks_is_named"
CLAUSE_OTHER: Final = f"{POLICY}::test_a_clause_in_the_other_direction_does_not_apply"
CLAUSE_COVERS: Final = f"{POLICY}::test_a_clause_that_covers_the_whole_report_allows_it"
LIST_CLAUSE: Final = f"{POLICY}::test_each_list_of_a_clause_refuses_codes_that_it_does_not_contain"
TWO_VERSIONS: Final = f"{POLICY}::test_the_version_that_applies_gives_the_reason"
CLAUSE_BETWEEN: Final = f"{POLICY}::test_a_clause_between_two_other_nodes_does_not_apply"
AGREEMENT_NOT: Final = f"{POLICY}::test_the_reason_why_an_agreement_is_not_in_force"

ROWS: Final[Rows] = {
    'allowed: self.outcome == "allowed"': (
        'return self.outcome == "allowed"',
        "return True",
        f"{BOUNDARY_INSTANTS}[1767225599999-False]",
    ),
    "decide: originator == recipient": (
        "if originator == recipient:",
        "if False:",
        ORIGINATOR_HOLDS,
    ),
    "decide: clauses is not None": (
        "in_force = governance.clauses_in_force(originator, recipient, at)\n    if clauses is not None:",
        "in_force = governance.clauses_in_force(originator, recipient, at)\n    if False:",
        WHAT_EXPIRED,
    ),
    "decide: (pair[0].hash, pair[1].id) in named": (
        "in_force = tuple(pair for pair in in_force if (pair[0].hash, pair[1].id) in named)",
        "in_force = tuple(pair for pair in in_force if True)",
        ONLY_CLAUSES,
    ),
    "decide: clauses is not None (2)": (
        "recall = clauses is not None and labels.kind is LabelKind.RECALL",
        "recall = True and labels.kind is LabelKind.RECALL",
        RECALL_NEEDS,
    ),
    "decide: labels.kind is LabelKind.RECALL": (
        "recall = clauses is not None and labels.kind is LabelKind.RECALL",
        "recall = clauses is not None and True",
        WHAT_EXPIRED,
    ),
    "decide: recall": (
        "failure = None if recall else next(_failures(labels, region, version, clause), None)",
        "failure = None if False else next(_failures(labels, region, version, clause), None)",
        RECALL_NEEDS,
    ),
    "decide: failure is None": (
        "if failure is None:",
        "if False:",
        f"{BOUNDARY_INSTANTS}[1767225600000-True]",
    ),
    "decide: always failure is None": (
        "if failure is None:",
        "if True:",
        CLAUSES_DO,
    ),
    "decide: step allowing.append((version, clause))": (
        "allowing.append((version, clause))",
        "pass",
        f"{BOUNDARY_INSTANTS}[1767225600000-True]",
    ),
    "decide: step failed.append(failure)": (
        "failed.append(failure)",
        "pass",
        SPECIAL_CATEGORY,
    ),
    "decide: allowing": (
        "if allowing:",
        "if False:",
        f"{BOUNDARY_INSTANTS}[1767225600000-True]",
    ),
    "decide: clauses is not None (3)": (
        "if clauses is not None and not failed:",
        "if True and not failed:",
        CLAUSE_OTHER,
    ),
    "decide: not failed": (
        "if clauses is not None and not failed:",
        "if clauses is not None and True:",
        ONLY_CLAUSES,
    ),
    "decide: not considered": (
        "if not considered:",
        "if True:",
        CLAUSE_OTHER,
    ),
    "_refused: clause.rank": (
        "max(considered, key=lambda clause: clause.rank)",
        "considered[0]",
        CLAUSE_CAME,
    ),
    "_failures: listed != ANY": (
        "if listed != ANY:",
        "if False:",
        CLAUSES_DO,
    ),
    "_failures: code not in listed": (
        "if code not in listed:",
        "if False:",
        CLAUSES_DO,
    ),
    "_failures: (days := retention_days(labels)) > clause.retention_days_max": (
        "if (days := retention_days(labels)) > clause.retention_days_max:",
        "if False:",
        f"{LIST_CLAUSE}[retention_days_max-]",
    ),
    "_failures: labels.special_category": (
        "if labels.special_category and not clause.special_categories:",
        "if True and not clause.special_categories:",
        f"{BOUNDARY_INSTANTS}[1767225600000-True]",
    ),
    "_failures: not clause.special_categories": (
        "if labels.special_category and not clause.special_categories:",
        "if labels.special_category and True:",
        SPECIAL_CATEGORY,
    ),
    "_not_in_force: not version.missing": (
        "if not version.missing and version.document.from_ <= at",
        "if True and version.document.from_ <= at",
        TWO_VERSIONS,
    ),
    "_not_in_force: version.document.from_ <= at": (
        "if not version.missing and version.document.from_ <= at",
        "if not version.missing and True",
        TWO_VERSIONS,
    ),
    "_not_in_force: originator in clause.from_": (
        "if originator in clause.from_ and recipient in clause.to",
        "if True and recipient in clause.to",
        f"{CLAUSE_BETWEEN}[from another]",
    ),
    "_not_in_force: recipient in clause.to": (
        "if originator in clause.from_ and recipient in clause.to",
        "if originator in clause.from_ and True",
        f"{CLAUSE_BETWEEN}[to another]",
    ),
    "_not_in_force: not applicable": (
        "if not applicable:",
        "if False:",
        CLAUSE_OTHER,
    ),
    "_not_in_force: not version.in_force(at)": (
        "elif not version.in_force(at):",
        "elif False:",
        f"{AGREEMENT_NOT}[unsigned]",
    ),
    "_why_not: version.missing": (
        "if version.missing:",
        "if False:",
        f"{AGREEMENT_NOT}[unsigned]",
    ),
    "_why_not: version.body.status is not AgreementStatus.IN_FORCE": (
        "if version.body.status is not AgreementStatus.IN_FORCE:",
        "if False:",
        f"{AGREEMENT_NOT}[ended]",
    ),
    "_why_not: at < document.from_": (
        "if at < document.from_:",
        "if False:",
        f"{AGREEMENT_NOT}[early]",
    ),
    "_why_not: at >= document.until": (
        "if at >= document.until:",
        "if False:",
        f"{AGREEMENT_NOT}[late]",
    ),
}
