"""The account of a dropped file lists its items; refused ones beyond a size share lines, and none is left out."""

import json
from pathlib import Path
from typing import Any

import pytest

from node.drop_folder import account as accounts
from node.drop_folder.account import Account, has_refusal

ITEMS = ["refused"] * 5 + ["accepted"] + ["refused"] * 4 + ["duplicate", "accepted"] + ["refused"] * 3


def line_of(number: int, outcome: str) -> dict[str, Any]:
    """The line of a row of two lines."""
    return {"row": number, "line": 2 * number, "last_line": 2 * number + 1, "outcome": outcome, "errors": ["x" * 100]}


def written(path: Path, items: list[str], *, finish: bool = True) -> dict[str, int]:
    """Write an account; returns its counts. Without `finish` the process ended after the last item."""
    account = Account(path)
    for number, outcome in enumerate(items, start=1):
        account.add(line_of(number, outcome))
        account.flush()
    if finish:
        account.finish()
    account.close()
    assert account.items == len(items)
    return account.counts


def shown(path: Path) -> list[tuple[int, int, str, int]]:
    """First line, last line, outcome and number of items of each line."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [(line["line"], line["last_line"], line["outcome"], line.get("items", 1)) for line in lines]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused items have lines of their own up to three lines."""
    monkeypatch.setattr(accounts, "REFUSED_SIZE_BYTES_MAX", 500)


def test_refused_items_beyond_the_size_share_a_line_with_their_number(tmp_path: Path) -> None:
    path = tmp_path / "account"
    counts = written(path, ITEMS)

    assert counts == {"accepted": 2, "duplicate": 1, "refused": 12}
    assert shown(path) == [
        (2, 3, "refused", 1),
        (4, 5, "refused", 1),
        (6, 7, "refused", 1),
        (8, 11, "refused", 2),
        (12, 13, "accepted", 1),
        (14, 21, "refused", 4),
        (22, 23, "duplicate", 1),
        (24, 25, "accepted", 1),
        (26, 31, "refused", 3),
    ]
    shared = json.loads(path.read_text().splitlines()[3])
    assert [error["code"] for error in shared["errors"]] == ["refusals_not_listed"]
    assert has_refusal(path)


@pytest.mark.parametrize("first_attempt", range(len(ITEMS) + 1))
def test_an_account_that_is_gone_on_with_after_a_crash_has_each_item_once(tmp_path: Path, first_attempt: int) -> None:
    """What was accepted the first time is a duplicate the second time, and stays accepted in the account."""
    path = tmp_path / "account"
    written(path, ITEMS[:first_attempt], finish=False)
    counts = written(path, ["duplicate" if outcome == "accepted" else outcome for outcome in ITEMS])
    accepted = ITEMS[:first_attempt].count("accepted")

    assert counts == {"accepted": accepted, "duplicate": 3 - accepted, "refused": 12}
    assert sum(items for _, _, _, items in shown(path)) == len(ITEMS)


def test_the_account_of_a_file_of_refused_items_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "account"
    counts = written(path, ["refused"] * 2_000)

    assert counts["refused"] == 2_000
    assert path.stat().st_size < 2_000
    assert sum(items for _, _, _, items in shown(path)) == 2_000
