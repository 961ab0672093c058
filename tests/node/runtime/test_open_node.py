"""Opening a node: the intake needs documents and no private key, and reads the documents once."""

import json
from pathlib import Path
from unittest.mock import patch

import pytest

from node.runtime.home import open_home
from node.runtime.open_intake import open_intake
from node.trust import document_files
from tests.contract.test_contract import ROWS_TO_IMPORT
from tests.support.boats import MAPPING
from tests.support.contract import cli, ok
from tests.support.exchange import report
from tests.support.processes import agreement, lab


@pytest.fixture
def keyless(tmp_path: Path) -> Path:
    """The home of BZ, which may send to GT, without its key file."""
    home = lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))["BZ"]
    for file in home.glob("*keys.json"):
        file.unlink()
    return home


def test_reports_are_accepted_and_explained_without_a_private_key(keyless: Path, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text(json.dumps(report()))

    [answer] = ok("publish", file, home=keyless)
    [explained] = ok("policy", "explain", "--from", "BZ", "--to", "GT", "--report", file, home=keyless)
    receipts = ok("receipts", answer["report_id"], home=keyless)

    assert (answer["outcome"], answer["audience"]) == ("accepted", ["GT"])
    assert explained["outcome"] == "allowed"
    assert [receipt["outcome"] for receipt in receipts] == ["outstanding"]


def test_rows_are_imported_without_a_private_key(keyless: Path, tmp_path: Path) -> None:
    (tmp_path / "mapping.toml").write_text(MAPPING)
    (tmp_path / "rows.csv").write_text(ROWS_TO_IMPORT)

    ran = cli("import", tmp_path / "mapping.toml", tmp_path / "rows.csv", home=keyless)

    assert ran.objects[0]["accepted"] > 0


def test_a_daemon_does_not_start_without_its_private_keys(keyless: Path) -> None:
    ran = cli("run", home=keyless)

    assert (ran.exit, ran.error["code"]) == (2, "secret_unreadable")


async def test_the_documents_are_read_once_until_the_folder_changes(keyless: Path) -> None:
    with patch("node.runtime.installed_documents.read_folder", wraps=document_files.read_folder) as read:
        async with open_intake(open_home(keyless)) as intake:
            first = intake.documents.current()
            [agreement_file] = (keyless / "documents").glob("agreement-*")

            assert intake.documents.current() is first
            assert read.call_count == 1

            agreement_file.unlink()

            assert len(intake.documents.current().agreements) == len(first.agreements) - 1
            assert read.call_count == 2
