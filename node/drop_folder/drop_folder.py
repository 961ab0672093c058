"""The job that hands in the files of the drop folder, one file at a time.

Each step of a file is one rename, so a crash leaves it in a state from which the next look goes on:

1. FOLDER/NAME is renamed into `working`: no later look takes it again.
2. Its items are handed in, and the account is written beside it as `NAME.account.writing`.
3. The account is renamed to `NAME.account.ndjson`: the file has been handed in as a whole.
4. The file is renamed into `done` or `failed`, then its account. A name that is taken there gets a number.

What is in `working` when a look begins is finished first.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

from node.answers.plain_json import presentable
from node.commands.publish import refused_item
from node.drop_folder.account import Account, has_refusal
from node.drop_folder.finished import Looks, refusal_of
from node.drop_folder.folder import (
    ACCOUNT,
    WRITING,
    DropPlaces,
    free_name,
    name_without_account,
    names_in,
    prepare,
)
from node.drop_folder.hand_in import hand_in
from node.drop_folder.problems import Problems
from node.errors import Unavailable, UsageError
from node.files import DISK_FULL, read_text
from node.mapping.load_mapping import load
from node.runtime.open_intake import OpenIntake

OWN_FILES: Final = (ACCOUNT, WRITING)

log = structlog.get_logger()


@dataclass(slots=True, kw_only=True)
class DropFolder:
    """The drop folder of one node."""

    intake: OpenIntake
    places: DropPlaces
    mapping: Path | None
    _looks: Looks = field(default_factory=Looks)
    _problems: Problems | None = None

    async def step(self) -> int:
        """Look once, and hand in what is finished; returns how many files. Raises Unavailable."""
        now = self.intake.clock()
        if self._problems is None:
            self._problems = Problems(self.intake.store, str(self.places.folder))
        try:
            with _unavailable(self.places.folder):
                prepare(self.places)
                if self.mapping is not None:
                    load(read_text(self.mapping), file=str(self.mapping))
                handed_in = await self._finish_working()
                for dropped in self._looks.take(self.places.folder, now):
                    if not self._looks.is_finished(self.places.folder, dropped, now):
                        continue  # it was replaced while the files before it were handed in
                    with suppress(FileNotFoundError, PermissionError):  # it went, or stands: `status` lists it
                        (self.places.folder / dropped).rename(self.places.working / dropped)
                    handed_in += await self._finish_working()
        except UsageError as error:
            await self._problems.note({"drop_folder_unusable": error.message}, now)
            return 0
        await self._problems.look(self.places, self._looks.standing, now)
        return handed_in

    async def _finish_working(self) -> int:
        """Finish what is in `working`; returns how many files were handed in."""
        done = 0
        for name in names_in(self.places.working):
            if not name.endswith(OWN_FILES):
                await self._finish(name)
                done += 1
        for name in names_in(self.places.working):
            if name.endswith(ACCOUNT):
                self._move_account(name.removesuffix(ACCOUNT))
            elif name.endswith(WRITING):
                (self.places.working / name).unlink()  # its file is not here: it was never handed in
        return done

    async def _finish(self, name: str) -> None:
        file, whole = self.places.working / name, self.places.working / f"{name}{ACCOUNT}"
        if not whole.exists():
            await self._hand_in(file, self.places.working / f"{name}{WRITING}")
            (self.places.working / f"{name}{WRITING}").rename(whole)
        target = self._target(whole)
        file.rename(target / free_name(target, name))
        self._move_account(name)

    async def _hand_in(self, file: Path, writing: Path) -> None:
        status = os.lstat(file)
        account = Account(writing)
        try:
            refusal = refusal_of(self.places.folder, status)
            if refusal is None:
                actor = f"drop folder (uid {status.st_uid})"
                await hand_in(self.intake, file, self.mapping, account, actor=actor)
            else:
                account.add(presentable(refused_item(0, [refusal])))
            account.finish()
        finally:
            account.close()
        if account.counts["refused"]:
            log.warning("drop_file_failed", **account.counts)
        else:
            log.info("drop_file_done", **account.counts)

    def _target(self, account: Path) -> Path:
        return self.places.failed if has_refusal(account) else self.places.done

    def _move_account(self, name: str) -> None:
        """Move the account of a file that was moved already."""
        whole = self.places.working / f"{name}{ACCOUNT}"
        target = self._target(whole)
        moved = name_without_account(target, name) or free_name(target, name)
        whole.rename(target / f"{moved}{ACCOUNT}")


@contextmanager
def _unavailable(folder: Path) -> Iterator[None]:
    """Raise an error of the file system as Unavailable: the next look tries again."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or "the system does not say why"
        hint = "free some space" if error.errno in DISK_FULL else "correct the rights of the folder"
        raise Unavailable("disk_full", f"the drop folder {folder}: {reason}", path="drop.folder", hint=hint) from error


def drop_folder(intake: OpenIntake) -> DropFolder | None:
    """The drop folder that the configuration names; None without one."""
    section, home = intake.home.config.drop, intake.home.path
    if section.folder is None:
        return None
    mapping = None if section.mapping is None else home / section.mapping
    return DropFolder(intake=intake, places=DropPlaces(folder=home / section.folder), mapping=mapping)
