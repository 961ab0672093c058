"""`audit replay` on evidence: it only reads, it says what it read, and it cleans up when it is interrupted."""

import hashlib
import os
import shutil
import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from node.audit.replay import replay
from node.clock import now_ms
from node.commands import audit_replay
from node.commands.version import version
from schemas.formats import time_text
from tests.support.contract import Ran, cli
from tests.support.logs import embedded
from tests.support.processes import ENLACE, until
from tests.support.tampering import TOPIC, History, honest, load

WAIT_SECONDS = 30.0


@pytest.fixture(scope="module")
def history() -> History:
    return honest()


@pytest.fixture
async def handed(tmp_path: Path, history: History) -> Path:
    """What an auditor was given: a log without a journal, and the documents."""
    folder = tmp_path / "handed"
    folder.mkdir()
    async with embedded(folder) as made:
        await load(made, history)
    history.write_documents(folder / "documents")
    return folder


def audit(folder: Path, *options: object, **more: Any) -> Ran:
    bus = f"sqlite:///{folder / 'log.db'}"
    return cli("audit", "replay", "--bus", bus, "--documents", folder / "documents", *options, **more)


def state(folder: Path) -> dict[str, tuple[str, int]]:
    """Digest and time of the last change of each file."""
    return {
        str(path.relative_to(folder)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def with_journal(folder: Path, target: Path) -> Path:
    """A copy of the log with its last record in the journal only, as it is while a node runs."""
    target.mkdir()
    with closing(sqlite3.connect(folder / "log.db", isolation_level=None)) as log:
        log.execute("PRAGMA wal_autocheckpoint = 0")
        row = log.execute("SELECT max(position), value FROM record WHERE topic = ?", (TOPIC,)).fetchone()
        log.execute("DELETE FROM record WHERE topic = ? AND position = ?", (TOPIC, row[0]))
        log.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        log.execute(
            "INSERT INTO record (topic, position, value, appended_at) VALUES (?, ?, ?, 1)", (TOPIC, row[0], row[1])
        )
        for name in ("log.db", "log.db-wal"):
            shutil.copyfile(folder / name, target / name)
    shutil.copytree(folder / "documents", target / "documents")
    return target


@pytest.mark.parametrize("journal", [False, True])
def test_evidence_is_read_and_never_changed(journal: bool, handed: Path, tmp_path: Path) -> None:
    """Files and folders can only be read, and no file appears beside them."""
    folder = with_journal(handed, tmp_path / "running") if journal else handed
    before = state(folder)
    for path in (*folder.rglob("*"), folder):
        path.chmod(0o555 if path.is_dir() else 0o444)
    ran = audit(folder)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)

    assert ran.objects[0]["records"] > 0
    assert state(folder) == before


def test_the_answer_says_what_was_read_and_when(handed: Path) -> None:
    [answer] = audit(handed).objects
    file = handed / "log.db"
    names = sorted((handed / "documents").glob("*.signed"))
    lines = "".join(f"{hashlib.sha256(name.read_bytes()).hexdigest()}  {name.name}\n" for name in names)

    assert answer["files"] == [
        {"file": "log.db", "size": file.stat().st_size, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    ]
    assert answer["documents"] == {"files": len(names), "sha256": hashlib.sha256(lines.encode()).hexdigest()}
    assert answer["date"] == time_text(now_ms())[:10]
    assert (answer["version"], answer["commit"]) == (version().version, version().commit)
    assert answer["community"]
    assert all(len(stream["sha256"]) == 64 for stream in answer["streams"])


def test_the_newest_records_are_read_from_the_journal(handed: Path, tmp_path: Path) -> None:
    running = with_journal(handed, tmp_path / "running")
    whole, without = audit(running), tmp_path / "without"
    shutil.copytree(running, without)
    (without / "log.db-wal").unlink()
    cut = audit(without)

    assert [file["file"] for file in whole.objects[0]["files"]] == ["log.db", "log.db-wal"]
    assert whole.objects[0]["records"] == cut.objects[0]["records"] + 1


def test_a_log_without_a_record_of_a_member_is_not_clean(handed: Path) -> None:
    """As a log that was copied without its journal."""
    with closing(sqlite3.connect(handed / "log.db")) as log:
        log.execute("DELETE FROM record")
        log.execute("DELETE FROM sqlite_sequence")
        log.commit()
        log.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    ran = audit(handed)

    assert ran.exit == 1
    assert [finding["code"] for finding in ran.objects[0]["findings"]] == ["log_empty"]
    assert (ran.objects[0]["records"], ran.objects[0]["silent"]) == (0, ["BZ", "ES", "GT"])


@pytest.mark.parametrize(
    "deletion",
    [
        "DELETE FROM record WHERE topic = 'intel.caribbean.es'",
        "DELETE FROM record WHERE topic = 'intel.caribbean.bz' AND position = 11",
    ],
)
def test_a_deletion_that_no_record_shows_is_found_by_the_numbers_of_the_file(deletion: str, handed: Path) -> None:
    with closing(sqlite3.connect(handed / "log.db")) as log:
        log.execute(deletion)
        log.commit()
        log.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    ran = audit(handed)

    assert ran.exit == 1
    assert "records_deleted" in {finding["code"] for finding in ran.objects[0]["findings"]}


def test_a_log_that_changes_while_it_is_read_gives_no_answer(handed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest_replay = replay

    async def slow(*arguments: Any, **options: Any) -> Any:
        answer = await honest_replay(*arguments, **options)
        with closing(sqlite3.connect(handed / "log.db")) as log:
            log.execute("PRAGMA user_version = 1")
            log.execute("DELETE FROM record WHERE id = 1")
            log.commit()
            log.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return answer

    monkeypatch.setattr(audit_replay, "replay", slow)
    ran = audit(handed)

    assert (ran.exit, ran.error["code"], ran.error["path"]) == (4, "bus_unavailable", "--bus")
    assert "changed while it was read" in ran.error["message"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_replay_leaves_no_folder(number: signal.Signals, handed: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(handed / "log.db")) as log:
        for copy in range(1, 3000):
            log.execute(
                "INSERT INTO record (topic, position, value, appended_at)"
                " SELECT topic, position + ?, value, 1 FROM record WHERE topic = ? AND position < 12",
                (copy * 12, TOPIC),
            )
        log.commit()
        log.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    line = [str(ENLACE), "audit", "replay", "--json"]
    line += ["--bus", f"sqlite:///{handed / 'log.db'}", "--documents", str(handed / "documents")]
    process = subprocess.Popen(
        line, env={**os.environ, "TMPDIR": str(scratch)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    until(lambda: list(scratch.glob("enlace-audit-*/chains.db")), WAIT_SECONDS)
    process.send_signal(number)
    out, _ = process.communicate(timeout=WAIT_SECONDS)

    assert out == b""
    assert process.returncode == (130 if number is signal.SIGINT else -signal.SIGTERM)
    assert list(scratch.iterdir()) == []


def test_a_pipe_is_no_evidence_and_is_not_waited_for(handed: Path) -> None:
    (handed / "log.db").unlink()
    os.mkfifo(handed / "log.db")
    ran = audit(handed)

    assert (ran.exit, ran.error["code"]) == (4, "bus_unavailable")
