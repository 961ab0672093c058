"""`explain` and the remedies: what docs/errors.md says, by code."""

import zipfile
from pathlib import Path

import pytest

from node.answers import error_catalogue
from node.errors import UsageError
from node.verification.steps import step_of
from tests.support.contract import code, tables

ROWS = [row for table in tables("errors.md", "# Errors") for row in table]


def test_every_row_of_the_page_is_an_entry_and_no_other() -> None:
    expected = sorted((code(row["code"]), row["remedy"]) for row in ROWS)
    found = [entry for entries in error_catalogue.entries().values() for entry in entries]

    assert len(found) == len(ROWS)
    assert sorted(entry.code for entry in found) == [name for name, _ in expected]


def test_a_code_of_the_verification_has_its_step() -> None:
    [entry] = error_catalogue.explain("signature_invalid")

    assert entry.section == "Codes of the verification"
    assert entry.step == step_of("signature_invalid")


def test_a_code_of_two_sections_has_two_entries() -> None:
    assert len(error_catalogue.explain("duplicate")) == 2


def test_an_unknown_code_names_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        error_catalogue.explain("Signature-Invalid")

    assert (caught.value.code, caught.value.hint) == ("unknown_code", "did you mean signature_invalid?")


def test_a_code_without_an_entry_has_no_remedy() -> None:
    assert error_catalogue.remedy("no_such_code") is None


def test_a_wheel_contains_the_page(tmp_path: Path) -> None:
    from hatchling.builders.wheel import WheelBuilder

    project = Path(__file__).parents[3]
    [wheel] = WheelBuilder(str(project)).build(directory=str(tmp_path), versions=["standard"])

    with zipfile.ZipFile(wheel) as files:
        assert files.read("node/answers/errors.md") == (project / "docs" / "errors.md").read_bytes()
