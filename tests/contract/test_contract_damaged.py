"""A store that is damaged ends a command with an error that names it, never with a bug."""

import json
import random
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest

from tests.support.contract import cli, ok, step
from tests.support.exchange import report
from tests.support.processes import ENLACE, agreement, lab

PAGE = 4096


def line(text: str) -> bytes:
    return json.dumps(report(narrative={"text": text, "language": "en"})).encode()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """GT with three reports of BZ; no test changes it."""
    homes = lab(tmp_path_factory.mktemp("damaged"), ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))
    lines = [line(f"Report {number}. " * 40) for number in range(3)]
    ok("publish", "-", home=homes["BZ"], data=b"\n".join(lines))
    step(homes["BZ"], homes["GT"])
    return homes["GT"]


def overwritten(data: bytes, first: int, replacement: bytes) -> bytes:
    return data[:first] + replacement + data[first + len(replacement) :]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "another file": lambda _: b"this is not a database" * 100,
    "cut in the middle": lambda data: data[: len(data) // 2],
    "one page is left": lambda data: data[:PAGE],
    "a hundred bytes are left": lambda data: data[:100],
    "the header is zeros": lambda data: overwritten(data, 0, bytes(100)),
    "a format of the future": lambda data: overwritten(data, 18, b"\xff\xff"),
    "all pages but the first are noise": lambda data: data[:PAGE] + random.Random(1).randbytes(len(data) - PAGE),
}


def commands(home: Path) -> list[list[str]]:
    message = ok("search", "--all", home=home)[0]["message_id"]
    return [
        ["status"],
        ["search", "--all"],
        ["search", "--text", "Report"],
        ["show", message],
        ["withheld", "list"],
        ["quarantine", "list"],
        ["receipts", message],
        ["db", "check"],
    ]


def damaged(home: Path, folder: Path, damage: Callable[[bytes], bytes]) -> Path:
    """A copy of the home whose store is damaged."""
    copy = folder / "gt"
    shutil.copytree(home, copy)
    data = (copy / "store.db").read_bytes()
    for file in copy.glob("store.db*"):
        file.unlink()
    (copy / "store.db").write_bytes(damage(data))
    return copy


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_every_command_names_the_damage_and_ends_with_2(
    damage: Callable[[bytes], bytes], home: Path, tmp_path: Path
) -> None:
    copy = damaged(home, tmp_path, damage)
    for command in commands(home):
        ran = cli(*command, home=copy)

        assert (ran.exit, ran.error["code"], ran.error["path"]) == (2, "store_damaged", "store.url"), command
    # A daemon limits the address space of its process, so it has one of its own.
    run = subprocess.run([ENLACE, "run", "--json", "--home", copy], capture_output=True, timeout=60, check=False)
    assert (run.returncode, json.loads(run.stdout)["error"]["code"]) == (2, "store_damaged")


@pytest.mark.parametrize("seed", range(6))
def test_pages_that_were_overwritten_are_no_bug(seed: int, home: Path, tmp_path: Path) -> None:
    """A command that reads none of these pages succeeds; the others name the damage, and `db check` finds it."""
    dice = random.Random(seed)

    def damage(data: bytes) -> bytes:
        for _ in range(5):
            page = dice.randrange(1, len(data) // PAGE)
            data = overwritten(data, page * PAGE, dice.choice([bytes(PAGE), dice.randbytes(PAGE), dice.randbytes(16)]))
        return data

    copy = damaged(home, tmp_path, damage)
    rans = [cli(*command, home=copy) for command in commands(home)]
    checked = cli("db", "check", home=copy)

    assert 70 not in {ran.exit for ran in rans}
    assert {ran.error["code"] for ran in rans if ran.exit == 2} <= {"store_damaged"}
    assert "store_damaged" in checked.out


def test_a_database_with_other_tables_is_not_taken_for_a_store(home: Path, tmp_path: Path) -> None:
    """The log of the exchange is a SQLite file too."""
    copy = tmp_path / "gt"
    shutil.copytree(home, copy)
    log = home.parent / "log.db"
    before = log.read_bytes()
    ran = cli("status", home=copy, env={"ENLACE_STORE__URL": f"sqlite:///{log}"})

    assert (ran.exit, ran.error["code"], ran.error["path"]) == (2, "store_foreign", "store.url")
    assert log.read_bytes() == before


def test_a_stored_report_that_cannot_be_read_is_damage(home: Path, tmp_path: Path) -> None:
    copy = tmp_path / "gt"
    shutil.copytree(home, copy)
    with closing(sqlite3.connect(copy / "store.db")) as store:
        [(message,)] = store.execute("SELECT message_id FROM message WHERE id = 1")
        store.execute("UPDATE message SET payload = x'00' WHERE id = 1")
        store.commit()
    ran = cli("show", str(UUID(bytes=message)), home=copy)

    assert (ran.exit, ran.error["code"]) == (2, "store_damaged")
    assert cli("db", "check", home=copy).exit == 1
