"""node/upkeep: backup and restore of a node, and how it goes on after what it sent since the backup."""

import errno
import json
import os
import shutil
import sqlite3
import tarfile
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from node.errors import Unavailable
from node.upkeep import archive
from tests.support import postgres
from tests.support.contract import cli, ok, step
from tests.support.exchange import report
from tests.support.processes import Daemon, agreement, lab, publish, running, settle, until


@pytest.fixture
def homes(tmp_path: Path) -> dict[str, Path]:
    """BZ has sent one report, and accepted one that is not sealed."""
    made = lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))
    publish(made["BZ"], "alfa")
    step(made["BZ"], made["GT"])
    publish(made["BZ"], "bravo")
    return made


def texts(home: Path) -> list[str]:
    return sorted(row["report"]["narrative"]["text"] for row in ok("search", "--all", home=home))


def backed_up(home: Path, file: Path, *options: str) -> dict[str, Any]:
    [answer] = ok("backup", file, *options, home=home)
    return answer


def lost(home: Path) -> Path:
    """Move the home away; returns where it is."""
    return home.rename(home.with_name("lost"))


def test_a_restored_node_adopts_what_it_sent_since_the_backup_and_goes_on(
    homes: dict[str, Path], tmp_path: Path
) -> None:
    """Nothing is sealed twice, and reports that were handed in since the backup are known."""
    bz, gt = homes["BZ"], homes["GT"]
    backed_up(bz, tmp_path / "bz.backup", "--with-keys")
    publish(bz, "charlie")
    step(bz, gt)
    lost(bz)
    [restored] = ok("restore", tmp_path / "bz.backup", home=bz)
    again = json.dumps(report(narrative={"text": "charlie", "language": "en"})).encode()
    [repeated] = ok("publish", "-", home=bz, data=again)
    publish(bz, "delta")
    step(bz, gt)

    assert restored["adopted"] == [{"stream": "intel.caribbean", "from": 2, "to": 3}]
    assert restored["pending"] is None
    assert repeated["outcome"] == "duplicate"
    assert texts(bz) == texts(gt) == ["alfa", "bravo", "charlie", "delta"]
    for home in (bz, gt):
        [status] = ok("status", home=home)
        assert (status["findings"], status["counts"]["quarantined"]) == ([], 0)
        assert ok("db", "check", home=home)[0]["findings"] == []


def test_a_copy_of_a_home_that_is_older_than_the_log_seals_nothing_until_it_adopted(
    homes: dict[str, Path], tmp_path: Path
) -> None:
    """The daemon reads its own streams first, and status says `head_behind`."""
    bz, gt = homes["BZ"], homes["GT"]
    shutil.copytree(bz, tmp_path / "copy")
    publish(bz, "charlie")
    step(bz, gt)
    shutil.rmtree(bz)
    shutil.copytree(tmp_path / "copy", bz)
    publish(bz, "delta")
    daemon = Daemon(bz)
    daemon.ready()
    until(lambda: "head_behind" in daemon.log.read_text())
    [status] = ok("status", home=bz)
    refused = cli("adopt", home=bz)
    code, _ = daemon.stop()
    [answer] = ok("adopt", home=bz)
    with running(bz, gt):
        settle(bz, gt)

    assert ("head_behind", "intel.caribbean") in {(row["code"], row["stream"]) for row in status["findings"]}
    assert status["outbox"]["accepted"] > 0
    assert (refused.exit, refused.error["code"]) == (4, "already_running")
    assert code == 0
    assert [stream["stream"] for stream in answer["adopted"]] == ["intel.caribbean"]
    assert texts(gt) == ["alfa", "bravo", "charlie", "delta"]
    assert ok("status", home=gt)[0]["findings"] == ok("status", home=bz)[0]["findings"] == []


def test_a_backup_of_a_running_node_is_whole_and_for_its_owner_only(homes: dict[str, Path], tmp_path: Path) -> None:
    """The daemon writes meanwhile; the copy of the store is one state of it."""
    with running(homes["BZ"]):
        answer = backed_up(homes["BZ"], tmp_path / "bz.backup")
        publish(homes["BZ"], "charlie")
        settle(homes["BZ"])
    with tarfile.open(tmp_path / "bz.backup") as archive:
        names = archive.getnames()
        archive.extract("store.db", tmp_path, filter="data")
    with closing(sqlite3.connect(tmp_path / "store.db")) as store:
        [(drafts,)] = store.execute("SELECT count(*) FROM draft")

    assert drafts == answer["store"]["draft"] == 2
    assert (tmp_path / "bz.backup").stat().st_mode & 0o077 == 0
    assert {"node.toml", "store.db"} < set(names)
    assert answer["keys"] is False
    assert "unsafe-keys.json" not in names
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_keys_are_in_a_backup_if_they_are_encrypted_or_asked_for(homes: dict[str, Path], tmp_path: Path) -> None:
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("a long passphrase of a test")
    passphrase.chmod(0o600)
    ok("init", "--node", "BZ", "--bus", "sqlite:///log.db", "--passphrase-file", passphrase, home=tmp_path / "new")

    assert backed_up(tmp_path / "new", tmp_path / "encrypted.backup")["keys"] is True
    assert backed_up(homes["BZ"], tmp_path / "asked.backup", "--with-keys")["keys"] is True
    assert b"a long passphrase" not in (tmp_path / "encrypted.backup").read_bytes()


def test_without_keys_the_own_streams_are_adopted_later(homes: dict[str, Path], tmp_path: Path) -> None:
    """The operator puts the key file into the home; until then the answer says what is missing."""
    bz, gt = homes["BZ"], homes["GT"]
    backed_up(bz, tmp_path / "bz.backup")
    publish(bz, "charlie")
    step(bz, gt)
    old = lost(bz)
    [restored] = ok("restore", tmp_path / "bz.backup", home=bz)
    shutil.copy(old / "unsafe-keys.json", bz)
    [answer] = ok("adopt", home=bz)

    assert restored["adopted"] == []
    assert "keys" in restored["pending"]
    assert "copy the key file of the node to" in restored["pending"]
    assert answer["adopted"] == [{"stream": "intel.caribbean", "from": 2, "to": 3}]


def test_a_restore_changes_no_home_that_is_there(homes: dict[str, Path], tmp_path: Path) -> None:
    backed_up(homes["BZ"], tmp_path / "bz.backup", "--with-keys")
    (tmp_path / "empty").mkdir()
    refused = cli("restore", tmp_path / "bz.backup", home=homes["GT"])
    repeated = cli("backup", tmp_path / "bz.backup", home=homes["BZ"])

    assert (refused.exit, refused.error["code"], refused.error["path"]) == (2, "home_not_empty", "--home")
    assert (repeated.exit, repeated.error["code"], repeated.error["path"]) == (2, "file_exists", "FILE")
    assert cli("restore", tmp_path / "bz.backup", home=tmp_path / "empty").exit == 0
    assert cli("restore", tmp_path / "none.backup", home=tmp_path / "x").error["code"] == "file_unreadable"


def test_a_document_with_a_name_that_no_archive_can_hold_is_named(homes: dict[str, Path], tmp_path: Path) -> None:
    (homes["BZ"] / "documents" / "a\nname").write_text("x")
    ran = cli("backup", tmp_path / "bz.backup", home=homes["BZ"])

    assert (ran.exit, ran.error["code"]) == (2, "backup_name")
    assert not (tmp_path / "bz.backup").exists()


@pytest.mark.parametrize("command", [["restore"], ["access", "verify", "--backup"]])
def test_a_pipe_is_no_backup_and_is_not_waited_for(command: list[str], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    ran = cli(*command, tmp_path / "pipe", home=tmp_path / "new")

    assert (ran.exit, ran.error["code"]) == (2, "file_unreadable")
    assert not (tmp_path / "new").exists()


def test_a_full_disk_below_the_new_home_is_not_blamed_on_the_backup(
    homes: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same call may succeed when there is room: exit 4, and nothing is left."""
    backed_up(homes["BZ"], tmp_path / "bz.backup")

    def full(*_: object) -> archive.Member:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(archive, "_extract", full)
        with pytest.raises(Unavailable) as error:
            archive.unpack(tmp_path / "bz.backup", tmp_path / "new")

    assert (error.value.code, error.value.path) == ("disk_full", "home")
    assert not (tmp_path / "new").exists()


def test_a_backup_of_a_later_version_is_refused(homes: dict[str, Path], tmp_path: Path) -> None:
    backed_up(homes["BZ"], tmp_path / "bz.backup")
    data = (tmp_path / "bz.backup").read_bytes().replace(b"enlace backup 1", b"enlace backup 9")
    (tmp_path / "later.backup").write_bytes(data)
    ran = cli("restore", tmp_path / "later.backup", home=tmp_path / "new")

    assert (ran.exit, ran.error["code"], ran.error["path"]) == (2, "backup_unknown", "FILE")


def changed(file: Path, folder: Path, change: str) -> Path:
    """A damaged copy of a backup."""
    data = file.read_bytes()
    copy = folder / "damaged.backup"
    match change:
        case "a byte of the store":
            at = data.index(b"SQLite format 3") + 40_000
            copy.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        case "cut":
            copy.write_bytes(data[: len(data) // 2])
        case "another file":
            copy.write_bytes(b"no archive")
        case "empty":
            copy.write_bytes(b"")
        case "a member more":
            with tarfile.open(file) as source, tarfile.open(copy, "w") as target:
                for info in source:
                    target.addfile(info, source.extractfile(info))
                target.addfile(tarfile.TarInfo("../outside"), BytesIO(b""))
        case "a link":
            with tarfile.open(file) as source, tarfile.open(copy, "w") as target:
                for info in source:
                    if info.name == "node.toml":
                        info.type, info.linkname, info.size = tarfile.SYMTYPE, "/etc/passwd", 0
                        target.addfile(info)
                    else:
                        target.addfile(info, source.extractfile(info))
    return copy


@pytest.mark.parametrize("change", ["a byte of the store", "cut", "another file", "empty", "a member more", "a link"])
def test_a_damaged_backup_is_refused_and_leaves_nothing(change: str, homes: dict[str, Path], tmp_path: Path) -> None:
    backed_up(homes["BZ"], tmp_path / "bz.backup")
    copy = changed(tmp_path / "bz.backup", tmp_path, change)
    ran = cli("restore", copy, home=tmp_path / "new")

    assert (ran.exit, ran.error["code"], ran.error["path"]) == (1, "backup_damaged", "FILE")
    assert [path.name for path in tmp_path.iterdir() if "new" in path.name or "outside" in path.name] == []


def test_a_node_on_postgresql_is_backed_up_and_restored_into_an_empty_database(
    homes: dict[str, Path], tmp_path: Path
) -> None:
    bz, gt = homes["BZ"], homes["GT"]
    first, second = postgres.database(empty=True), postgres.database(empty=True)
    ok("db", "copy", "sqlite:///store.db", first, home=bz)
    with (bz / "node.toml").open("a") as file:
        file.write(f'\n[store]\nurl = "{first}"\n')
    backed_up(bz, tmp_path / "bz.backup", "--with-keys")
    publish(bz, "charlie")
    step(bz, gt)
    lost(bz)
    full = cli("restore", tmp_path / "bz.backup", home=bz)
    restored = cli("restore", tmp_path / "bz.backup", home=bz, env={"ENLACE_STORE__URL": second}).objects

    assert (full.exit, full.error["code"], full.error["path"]) == (2, "store_not_empty", "store.url")
    assert restored[0]["adopted"] == [{"stream": "intel.caribbean", "from": 2, "to": 3}]
    assert not (bz / "store.db").exists()
    assert cli("db", "check", home=bz, env={"ENLACE_STORE__URL": second}).exit == 0
