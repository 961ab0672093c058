"""Who may give what to whom."""

from node.overviews.agreement_matrix import agreement_rows, matrix
from schemas.types import AgreementStatus
from tests.support.community import T0, YEAR, Community, clause

NOW = T0 + 1000


def test_a_cell_counts_the_clauses_in_force_in_its_direction() -> None:
    """A clause from BZ to GT says nothing about the way back; a node has no clause with itself."""
    community = Community(["BZ", "GT", "MX", "ES"])
    community.agreement("ONE-WAY", ["BZ", "GT"], clause(["BZ"], ["GT"], "1"), clause(["BZ"], ["GT"], "2"))
    community.agreement("ALL", ["BZ", "MX"])
    shown = matrix(community.governance, NOW)
    assert shown.codes == ("BZ", "GT", "MX")
    assert shown.without == ("ES",)
    assert dict(shown.rows) == {"BZ": (None, 2, 1), "GT": (0, None, 0), "MX": (1, 0, None)}


def test_an_agreement_that_is_not_in_force_gives_nothing_and_says_why() -> None:
    """Unsigned, suspended, future and expired agreements are listed after those in force."""
    community = Community(["BZ", "GT"])
    community.agreement("A-UNSIGNED", ["BZ", "GT"], signers=("BZ",))
    community.agreement("B-SUSPENDED", ["BZ", "GT"], status=AgreementStatus.SUSPENDED)
    community.agreement("C-FUTURE", ["BZ", "GT"], from_=NOW + 1)
    community.agreement("D-EXPIRED", ["BZ", "GT"], until=NOW)
    community.agreement("E-NOW", ["BZ", "GT"], until=T0 + YEAR)
    rows = agreement_rows(community.governance, NOW, None, None)
    assert [(row.version.id, row.state) for row in rows] == [
        ("E-NOW", "in_force"),
        ("A-UNSIGNED", "unsigned"),
        ("B-SUSPENDED", "suspended"),
        ("C-FUTURE", "future"),
        ("D-EXPIRED", "expired"),
    ]
    assert dict(matrix(community.governance, NOW).rows) == {"BZ": (None, 1), "GT": (1, None)}


def test_a_pair_shows_only_its_clauses() -> None:
    """Clauses in another direction and agreements without one are left out."""
    community = Community(["BZ", "GT", "MX"])
    community.agreement("TWO", ["BZ", "GT"], clause(["BZ"], ["GT"], "there"), clause(["GT"], ["BZ"], "back"))
    community.agreement("OTHER", ["BZ", "MX"])
    rows = agreement_rows(community.governance, NOW, "BZ", "GT")
    assert [(row.version.id, [found.id for found in row.clauses]) for row in rows] == [("TWO", ["there"])]
