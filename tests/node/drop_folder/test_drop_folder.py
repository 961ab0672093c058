"""Files that are dropped: taken whole, handed in once, and kept with their account."""

import asyncio
import fcntl
import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from node.drop_folder import drop_folder as service
from node.drop_folder import finished, hand_in
from node.drop_folder.account import Account
from node.drop_folder.drop_folder import DropFolder
from node.drop_folder.folder import NAME_BYTES_MAX, DropPlaces
from node.drop_folder.open_reports import LINES_MAX
from node.drop_folder.problems import STANDING_MS_MAX
from node.errors import Unavailable, UsageError
from node.outgoing import standing_faults
from node.runtime.home import open_home
from node.runtime.open_intake import OpenIntake, open_intake
from node.store import access_log
from tests.support.boats import MAPPING
from tests.support.exchange import report
from tests.support.processes import agreement, lab

NOW = 1_800_000_000_000


def text_of(number: int = 1) -> str:
    return json.dumps(report(retain_until="2035-12-31", narrative={"text": f"Report {number}.", "language": "en"}))


class KilledError(BaseException):
    """The process ends here."""


@dataclass
class Scene:
    """A drop folder, and the node that watches it."""

    intake: OpenIntake
    folder: Path
    now: int = NOW

    def __call__(self) -> int:
        return self.now

    def drop(self, name: str, content: str | bytes) -> Path:
        """A finished file: written under another name, and renamed."""
        hidden = self.folder / f".{name}"
        hidden.write_bytes(content if isinstance(content, bytes) else content.encode())
        return hidden.rename(self.folder / name)

    def watched(self, mapping: Path | None = None) -> DropFolder:
        """The drop folder as a process sees it that has just started."""
        intake = OpenIntake(
            home=self.intake.home,
            clock=self,
            store=self.intake.store,
            documents=self.intake.documents,
            publisher=self.intake.publisher,
        )
        return DropFolder(intake=intake, places=DropPlaces(folder=self.folder), mapping=mapping)

    async def look(self, watched: DropFolder | None = None, mapping: Path | None = None) -> int:
        """Two looks: a file is taken when it has not changed between them."""
        watched = watched or self.watched(mapping)
        return await watched.step() + await watched.step()

    def account(self, name: str) -> list[dict[str, Any]]:
        """The lines of an account below the folder."""
        text = (self.folder / f"{name}.account.ndjson").read_text()
        return [json.loads(line) for line in text.splitlines()]

    def names(self, below: str = "") -> list[str]:
        """What is in a folder, without folders."""
        return sorted(path.name for path in (self.folder / below).iterdir() if not path.is_dir() or path.is_symlink())

    async def problems(self) -> set[str]:
        """The codes of the problems that were noted."""
        return {fault.code for fault in await self.intake.store.read(standing_faults.standing)}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drop")
    [found, _] = lab(folder, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"])).values()
    return found


@pytest.fixture
async def scene(home: Path, tmp_path: Path) -> AsyncIterator[Scene]:
    for suffix in ("", "-wal", "-shm"):
        (home / f"store.db{suffix}").unlink(missing_ok=True)
    folder = tmp_path / "drop"
    folder.mkdir(mode=0o770)
    async with open_intake(open_home(home)) as intake:
        yield Scene(intake=intake, folder=folder)


async def test_a_file_is_handed_in_and_moved_with_its_account(scene: Scene) -> None:
    """One line for each item, as `publish` answers; the access log names the owner of the file."""
    scene.drop("two.ndjson", f"{text_of(1)}\n{text_of(2)}\n")

    assert await scene.look() == 1
    assert (scene.names(), scene.names("working"), scene.names("failed")) == ([], [], [])
    assert scene.names("done") == ["two.ndjson", "two.ndjson.account.ndjson"]
    assert [(line["line"], line["outcome"], line["audience"]) for line in scene.account("done/two.ndjson")] == [
        (1, "accepted", ["GT"]),
        (2, "accepted", ["GT"]),
    ]
    entries = await scene.intake.store.read(partial(access_log.entries, after=0, limit=10))
    assert {entry.actor for entry in entries} == {f"drop folder (uid {os.getuid()})"}
    assert await scene.problems() == set()


async def test_a_file_with_a_refused_item_is_failed_and_its_other_items_are_accepted(scene: Scene) -> None:
    scene.drop("mixed.ndjson", f"{text_of(1)}\nnonsense\n{text_of(2)}\n")
    watched = scene.watched()
    await scene.look(watched)

    assert [line["outcome"] for line in scene.account("failed/mixed.ndjson")] == ["accepted", "refused", "accepted"]
    assert await scene.problems() == {"drop_files_failed"}
    for path in (scene.folder / "failed").iterdir():
        path.unlink()
    await watched.step()
    assert await scene.problems() == set()


async def test_the_same_name_again_overwrites_nothing(scene: Scene) -> None:
    for number in (1, 2, 3):
        scene.drop("a.json", text_of(number))
        await scene.look()

    assert scene.names("done") == [
        "a.json",
        "a.json.2",
        "a.json.2.account.ndjson",
        "a.json.3",
        "a.json.3.account.ndjson",
        "a.json.account.ndjson",
    ]
    assert [
        json.loads((scene.folder / "done" / name).read_text())["narrative"]["text"] for name in ("a.json", "a.json.3")
    ] == [
        "Report 1.",
        "Report 3.",
    ]


@pytest.mark.parametrize(("mode", "group"), [(0o700, 0), (0o750, 0o050), (0o2770, 0o050)])
async def test_the_group_reads_accounts_if_it_may_read_the_folder(scene: Scene, mode: int, group: int) -> None:
    """Whatever the umask of the daemon is; nobody else reads anything, and the group writes nothing below."""
    scene.folder.chmod(mode)
    before = os.umask(0o077)
    try:
        scene.drop("a.json", text_of())
        await scene.look()
    finally:
        os.umask(before)
    account = scene.folder / "done" / "a.json.account.ndjson"

    assert (scene.folder / "done").stat().st_mode & 0o777 == 0o700 | group
    assert account.stat().st_mode & 0o777 == 0o600 | group & 0o040


async def test_the_same_content_again_is_a_duplicate(scene: Scene) -> None:
    scene.drop("a.json", text_of())
    await scene.look()
    scene.drop("b.json", text_of())
    await scene.look()

    assert [line["outcome"] for line in scene.account("done/b.json")] == ["duplicate"]


async def test_what_is_not_finished_is_left_alone(scene: Scene) -> None:
    """Hidden names, `.part`, folders, a file that changes, one that is locked, and one that is open for writing."""
    (scene.folder / ".hidden.json").write_text(text_of())
    (scene.folder / "a.json.part").write_text(text_of())
    (scene.folder / "sub").mkdir()
    growing, locked, opened = (scene.drop(name, text_of()) for name in ("growing.json", "locked.json", "opened.json"))
    watched = scene.watched()
    with locked.open() as lock, opened.open("ab"):
        fcntl.flock(lock, fcntl.LOCK_SH)
        await watched.step()
        growing.write_text(text_of() + " ")
        assert await watched.step() == 0
        scene.now += STANDING_MS_MAX + 1
        growing.write_text(text_of() + "  ")
        await watched.step()
        assert await scene.problems() == {"drop_files_stand"}
    assert await scene.look(watched) == 3
    assert scene.names() == [".hidden.json", "a.json.part"]
    assert await scene.problems() == set()


async def test_a_file_that_changed_a_moment_ago_is_not_finished(scene: Scene) -> None:
    path = scene.drop("a.json", text_of())
    scene.now = path.stat().st_ctime_ns // 1_000_000 + finished.SETTLED_MS - 1
    assert await scene.look() == 0
    scene.now += 1
    assert await scene.look() == 1


def _symlink(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def _hard_link(path: Path) -> None:
    other = path.parent.parent / "other"
    other.write_text(text_of())
    os.link(other, path)


@pytest.mark.parametrize("make", [_symlink, os.mkfifo, _hard_link])
async def test_what_is_not_a_file_of_its_own_is_refused_unread(scene: Scene, make: Any) -> None:
    make(scene.folder / "a.json")
    async with asyncio.timeout(20):
        await scene.look()
    [line] = scene.account("failed/a.json")

    assert (line["outcome"], line["errors"][0]["code"]) == ("refused", "file_not_regular")
    assert "a.json" in scene.names("failed")
    assert "root:" not in (scene.folder / "failed/a.json.account.ndjson").read_text()


async def test_a_file_of_another_user_is_refused(scene: Scene) -> None:
    scene.drop("a.json", text_of())
    with patch.object(os, "geteuid", return_value=4711):
        if os.getuid() == 0:
            os.chown(scene.folder / "a.json", 4712, -1)
        os.chown(scene.folder, 4713, -1) if os.getuid() == 0 else None
        await scene.look()
    if os.getuid() != 0:
        pytest.skip("only root can give a file away")
    [line] = scene.account("failed/a.json")

    assert line["errors"][0]["code"] == "file_foreign"


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.json", b"", "file_empty"),
        ("a.ndjson", b"\n \n", "file_empty"),
        ("a.json", b"\x00\x01\x02" * 100, "file_malformed"),
        ("a.json", b"\xff\xfe{\x00", "file_malformed"),
        ("a.csv", b"day,what\n", "mapping_missing"),
        ("a", b"text", "mapping_missing"),
    ],
)
async def test_a_file_that_cannot_be_read_is_refused_with_an_account(
    scene: Scene, name: str, content: bytes, code: str
) -> None:
    scene.drop(name, content)
    await scene.look()
    [line] = scene.account(f"failed/{name}")

    assert (line["outcome"], line["errors"][0]["code"]) == ("refused", code)


async def test_a_file_that_is_too_large_is_refused_unread(scene: Scene) -> None:
    with (scene.folder / "a.json").open("wb") as file:
        file.truncate(65 * 1024 * 1024)
    await scene.look()

    assert scene.account("failed/a.json")[0]["errors"][0]["code"] == "file_too_large"


@pytest.mark.parametrize("end", [b"\n", b"\r", b"1\n"])
async def test_a_file_of_very_many_lines_is_refused_as_a_whole(scene: Scene, end: bytes) -> None:
    """Its lines would fill the memory of the daemon, and their account the disk, again at each start."""
    scene.drop("a.ndjson", end * (LINES_MAX + 1))
    await scene.look()

    assert [line["errors"][0]["code"] for line in scene.account("failed/a.ndjson")] == ["file_too_large"]


async def test_an_error_may_name_a_file_whose_name_is_not_utf_8(scene: Scene, tmp_path: Path) -> None:
    """The account has an escape for the byte; the daemon goes on."""
    name, mapping = os.fsdecode(b"rows-\xe9.csv"), tmp_path / "mapping.toml"
    mapping.write_text(MAPPING)
    scene.drop("first.csv", "day,what\n1826-01-02,A boat\n")
    (scene.folder / "first.csv").rename(scene.folder / name)
    with patch.object(hand_in, "_size", side_effect=UsageError("file_unreadable", f"{name}: no", path=name)):
        await scene.look(mapping=mapping)
    [line] = scene.account(f"failed/{name}")

    assert line["errors"][0]["message"] == "rows-\\udce9.csv: no"


async def test_a_file_of_rows_goes_through_the_mapping(scene: Scene, tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(MAPPING)
    scene.drop("rows.csv", "day,what\n1826-01-02,A boat\n2026-13-02,No day\n")
    scene.drop("one.json", text_of())
    await scene.look(mapping=mapping)
    lines = scene.account("failed/rows.csv")

    assert [(line["row"], line["outcome"]) for line in lines] == [(1, "accepted"), (2, "refused")]
    assert [line["outcome"] for line in scene.account("done/one.json")] == ["accepted"]


async def test_a_broken_mapping_is_a_problem_and_takes_no_file(scene: Scene, tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.toml"
    mapping.write_text("nonsense")
    scene.drop("rows.csv", "day,what\n")
    watched = scene.watched(mapping)

    assert await scene.look(watched) == 0
    assert scene.names() == ["rows.csv"]
    assert await scene.problems() == {"drop_folder_unusable"}
    mapping.write_text(MAPPING)
    await watched.step()
    assert "drop_folder_unusable" not in await scene.problems()


async def test_a_folder_that_everybody_can_write_is_not_used(scene: Scene) -> None:
    scene.drop("a.json", text_of())
    scene.folder.chmod(0o777)

    assert await scene.look() == 0
    assert await scene.problems() == {"drop_folder_unusable"}


async def test_a_full_disk_keeps_the_file_and_the_next_look_goes_on(scene: Scene) -> None:
    scene.drop("two.ndjson", f"{text_of(1)}\n{text_of(2)}\n")
    watched = scene.watched()
    full = OSError(28, "No space left on device")
    with patch.object(Account, "finish", side_effect=full), pytest.raises(Unavailable) as unavailable:
        await scene.look(watched)
    assert (unavailable.value.code, scene.names("working")) == (
        "disk_full",
        ["two.ndjson", "two.ndjson.account.writing"],
    )
    await watched.step()

    assert [line["outcome"] for line in scene.account("done/two.ndjson")] == ["accepted", "accepted"]


STEPS = 5  # renames of one file


@contextmanager
def killed_at(step: int, *, after: bool) -> Iterator[None]:
    """The process ends before or after its rename number `step`."""
    really, calls = Path.rename, [0]

    def rename(path: Path, target: Path) -> Path:
        calls[0] += 1
        if calls[0] == step and not after:
            raise KilledError
        renamed = really(path, target)
        if calls[0] == step:
            raise KilledError
        return renamed

    with patch.object(Path, "rename", rename):
        yield


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", range(1, STEPS))
async def test_a_process_that_is_killed_takes_no_file_twice_and_its_account_is_whole(
    scene: Scene, step: int, after: bool
) -> None:
    scene.drop("a.ndjson", f"{text_of(1)}\n{text_of(2)}\n")
    with killed_at(step, after=after), pytest.raises(KilledError):
        await scene.look()
    await scene.look()

    assert (scene.names(), scene.names("working"), scene.names("failed")) == ([], [], [])
    assert scene.names("done") == ["a.ndjson", "a.ndjson.account.ndjson"]
    assert [line["outcome"] for line in scene.account("done/a.ndjson")] == ["accepted", "accepted"]


async def test_there_are_so_many_steps(scene: Scene) -> None:
    """So the test above kills at each of them."""
    scene.drop("a.json", text_of())
    with killed_at(STEPS, after=False):
        await scene.look()
    assert "a.json" in scene.names("done")


@pytest.mark.parametrize("lines", [0, 1, 2])
async def test_a_process_that_is_killed_while_it_hands_in_goes_on_with_the_same_account(
    scene: Scene, lines: int
) -> None:
    """Also if the last line of the account was cut. An item that was accepted then stays accepted in the account."""
    scene.drop("a.ndjson", f"{text_of(1)}\n{text_of(2)}\nnonsense\n")
    really, added = Account.flush, [0]

    def flush(account: Account) -> None:
        really(account)
        added[0] += 1
        if added[0] > lines:
            os.write(account._file, b'{"line": 9, "outc')
            raise KilledError

    with patch.object(Account, "flush", flush), pytest.raises(KilledError):
        await scene.look()
    await scene.look()
    outcomes = [line["outcome"] for line in scene.account("failed/a.ndjson")]

    assert outcomes[: lines + 1] == ["accepted", "accepted", "refused"][: lines + 1]
    assert (len(outcomes), outcomes[2]) == (3, "refused")
    assert [line["line"] for line in scene.account("failed/a.ndjson")] == [1, 2, 3]


async def test_a_file_that_is_replaced_while_another_one_is_handed_in_is_not_taken_half_written(scene: Scene) -> None:
    """Both were finished at the same look; the second one is written again before its turn."""
    scene.drop("a.ndjson", text_of(1))
    second = scene.drop("b.ndjson", text_of(2))
    really = Account.finish

    def finish(account: Account) -> None:
        really(account)
        second.write_text(text_of(3)[:50])

    with patch.object(Account, "finish", finish):
        await scene.look()
    assert (scene.names(), scene.names("failed")) == (["b.ndjson"], [])
    scene.drop("b.ndjson", text_of(3))
    await scene.look()
    assert [line["outcome"] for line in scene.account("done/b.ndjson")] == ["accepted"]


async def test_many_files_are_taken_in_several_looks(scene: Scene) -> None:
    for number in range(5):
        scene.drop(f"{number}.json", text_of(number))
    with patch.object(finished, "FILES_TOGETHER_MAX", 2):
        watched = scene.watched()
        counts = [await watched.step() for _ in range(12)]

    assert sum(counts) == 5
    assert len(scene.names("done")) == 10


async def test_a_name_that_is_too_long_for_its_account_stands(scene: Scene) -> None:
    """`status` reports it when it has stood for some time."""
    scene.drop("a" * (NAME_BYTES_MAX + 1), text_of())
    watched = scene.watched()

    assert await scene.look(watched) == 0
    scene.now += STANDING_MS_MAX + 1
    await scene.look(watched)
    assert await scene.problems() == {"drop_files_stand"}
    assert service.OWN_FILES == (".account.ndjson", ".account.writing")
