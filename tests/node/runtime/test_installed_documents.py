"""A bad file among the documents concerns itself alone, while the node runs and when it starts."""

import json
from functools import partial
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from node.runtime.home import open_home
from node.runtime.installed_documents import InstalledDocuments
from node.trust.signed_document import DOCUMENT_SIZE_BYTES_MAX
from tests.support.contract import cli
from tests.support.exchange import report
from tests.support.processes import Daemon, agreement, lab, ok, publish, running, until


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))["GT"]


def dangling(file: Path) -> None:
    file.symlink_to("/nonexistent")


def loop(file: Path) -> None:
    file.symlink_to(file.name)


def large(file: Path) -> None:
    file.write_bytes(bytes(DOCUMENT_SIZE_BYTES_MAX + 1))


def subfolder(file: Path) -> None:
    file.mkdir()


def garbage(file: Path) -> None:
    file.write_bytes(b"\x00" * 100)


BAD = (dangling, loop, large, subfolder, garbage)


@pytest.mark.parametrize("make", BAD)
def test_a_bad_file_concerns_itself_alone(home: Path, make: object) -> None:
    """It is logged with its code, and the other documents count, at a start and later."""
    assert callable(make)
    opened = open_home(home)
    documents = opened.documents()
    make(home / "documents" / "bad.signed")
    with capture_logs() as logs:
        later = documents.current()
        first = InstalledDocuments(home / "documents", opened.config.node.community).governance

    assert sorted(later.nodes) == sorted(first.nodes) == ["BZ", "GT"]
    assert [entry["file"] for entry in logs if entry["event"] == "document_without_effect"] == ["bad.signed"] * 2


def names(daemon: Daemon, file: str) -> bool:
    """Whether the daemon has logged the file."""
    return file in daemon.log.read_text()


def test_a_bad_file_does_not_end_the_daemon(home: Path) -> None:
    """It takes up a good document after it."""
    with running(home) as [daemon]:
        for make in BAD:
            file = home / "documents" / f"{make.__name__}.signed"
            make(file)
            until(partial(names, daemon, file.name))
            file.rmdir() if file.is_dir() and not file.is_symlink() else file.unlink()
    dangling(home / "documents" / "bad.signed")
    with running(home):
        publish(home, "one")
        assert "document_unreadable" in {problem["code"] for problem in ok("status", home=home)[0]["problems"]}


def test_a_file_that_is_removed_is_taken_up(home: Path) -> None:
    documents = open_home(home).documents()
    [agreed] = (home / "documents").glob("agreement-*")
    agreed.unlink()

    assert documents.current().agreements == {}


def test_a_folder_without_documents_leaves_the_last_ones_in_force(home: Path) -> None:
    documents = open_home(home).documents()
    for file in (home / "documents").iterdir():
        file.unlink()
    (home / "documents").rmdir()
    with capture_logs() as logs:
        governance = documents.current()

    assert sorted(governance.nodes) == ["BZ", "GT"]
    assert [entry["event"] for entry in logs] == ["documents_unusable"]


def test_the_name_of_a_file_cannot_move_the_cursor_of_a_terminal(home: Path) -> None:
    """Every command that reads documents logs it as text."""
    (home / "documents" / "junk\x1b[2J\x1b[31mHACKED.signed").write_bytes(b"junk")
    ran = cli("publish", "-", "--dry-run", home=home, data=json.dumps(report()).encode(), json_=False)

    assert "HACKED" in ran.err
    assert "\x1b" not in ran.err
