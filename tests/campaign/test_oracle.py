"""The oracle of the campaigns notices each kind of wrong result."""

from collections.abc import Mapping

import pytest

from tests.campaign.oracle import Accepted, Agreed, Ended, Kept, Key, entitled, wrong_ends, wrong_holdings, wrong_quotas

AGREED = (
    Agreed(name="ONE", parties=frozenset(("BZ", "GT")), subject="A"),
    Agreed(name="TWO", parties=frozenset(("BZ", "GT", "MX")), subject="B"),
)
REPORTS = (
    Accepted(originator="BZ", report_id="1", subject="A", at=10),
    Accepted(originator="BZ", report_id="2", subject="B", at=10),
)
RIGHT = {
    "BZ": [("BZ", "1"), ("BZ", "2")],
    "GT": [("BZ", "1"), ("BZ", "2")],
    "MX": [("BZ", "2")],
}


def wrong(held: Mapping[str, list[Key]], stopped: Mapping[str, int]) -> list[str]:
    return wrong_holdings(REPORTS, {**RIGHT, **held}, AGREED, stopped, now=20)


def test_a_right_result_has_nothing_wrong() -> None:
    assert wrong({}, {}) == []


@pytest.mark.parametrize(
    ("node", "held"),
    [
        ("GT", [("BZ", "2")]),
        ("GT", [("BZ", "1"), ("BZ", "1"), ("BZ", "2")]),
        ("MX", [("BZ", "1"), ("BZ", "2")]),
        ("BZ", [("BZ", "1")]),
    ],
    ids=["missing", "twice", "not entitled", "missing at its originator"],
)
def test_each_wrong_holding_is_named(node: str, held: list[Key]) -> None:
    [text] = wrong({node: held}, {})

    assert text.startswith(f"{node} holds BZ's report ")


def test_a_stopped_agreement_covers_reports_from_before_only() -> None:
    assert entitled(REPORTS[1], AGREED, {"TWO": 11}) == {"BZ", "GT", "MX"}
    assert entitled(REPORTS[1], AGREED, {"TWO": 10}) == {"BZ"}
    assert len(wrong({}, {"TWO": 10})) == 2


def test_an_expired_report_is_held_by_nobody() -> None:
    report = Accepted(originator="BZ", report_id="1", subject="A", at=10, expires_at=20)

    assert wrong_holdings([report], {"BZ": [], "GT": []}, AGREED, {}, now=20) == []
    assert len(wrong_holdings([report], {"BZ": [report.key], "GT": []}, AGREED, {}, now=20)) == 1


@pytest.mark.parametrize(("rows", "size", "count"), [(5, 50, 0), (6, 50, 1), (5, 51, 1)])
def test_what_is_above_its_quota_is_named(rows: int, size: int, count: int) -> None:
    part = Kept(node="BZ", name="MX waiting", rows=rows, size=size, rows_max=5, size_max=50)

    assert len(wrong_quotas([part])) == count


def test_only_a_fault_of_the_program_is_a_wrong_end() -> None:
    ended = [Ended(node="BZ", code=code, reason="why") for code in (2, 70, 75)]

    assert wrong_ends(ended) == ["BZ exited with 70: why"]
