"""node/answers/known_values.py: a typing error in a filter does not look like an empty answer."""

from pathlib import Path

import pytest

from tests.support.contract import cli, ok, step
from tests.support.processes import agreement, lab


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A node without a record."""
    made = lab(tmp_path_factory.mktemp("known"), ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"], ("CONTRABAND",)))
    step(*made.values())
    return made["GT"]


@pytest.mark.parametrize(
    ("command", "option", "value"),
    [
        ("quarantine list", "--code", "equivocashun"),
        ("quarantine list", "--originator", "zz"),
        ("quarantine list", "--stream", "intel.nowhere"),
        ("quarantine summary", "--code", "x"),
        ("quarantine purge", "--originator", "ZZ"),
        ("pending list", "--originator", "zz"),
        ("pending drop", "--originator", "zz"),
        ("pending drop --all", "--originator", ""),
        ("pending list", "--originator", ""),
        ("quarantine purge --all", "--originator", ""),
    ],
)
def test_a_filter_with_an_unknown_value_is_an_error(home: Path, command: str, option: str, value: str) -> None:
    """It names the option and the way out."""
    error = cli(*command.split(), option, value, home=home)

    assert error.exit == 2
    assert (error.error["code"], error.error["path"]) == ("unknown_code", option)
    assert error.error["hint"]


@pytest.mark.parametrize(
    ("command", "option", "value"),
    [
        ("quarantine list", "--code", "equivocation"),
        ("quarantine summary", "--originator", "bz"),
        ("quarantine list", "--stream", "keys"),
        ("pending list", "--originator", "bz"),
    ],
)
def test_a_known_value_without_a_record_is_no_error(home: Path, command: str, option: str, value: str) -> None:
    assert ok(*command.split(), option, value, home=home) == []


def test_a_position_that_was_not_read_yet_cannot_be_read_again(home: Path) -> None:
    """The first position of a topic that has no record can."""
    ran = cli("reread", "keys.bz", "--from", 10**6, home=home)

    assert (ran.exit, ran.error["code"], ran.error["path"]) == (2, "out_of_range", "--from")
    assert ran.error["hint"]
    assert ok("reread", "keys.bz", "--from", 0, home=home)
