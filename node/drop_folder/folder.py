"""The folders of a drop folder: where files are dropped, taken and kept.

    FOLDER/            finished files; names that begin with `.` or end with `.part` are left alone
    FOLDER/working/    the file that is being handed in, with its account
    FOLDER/done/       files of which every item was accepted or known, each with NAME.account.ndjson beside it
    FOLDER/failed/     files of which at least one item was refused, each with its account

Only the daemon writes into the three lower folders. Their group may read them, and the accounts, if it may read FOLDER.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from node.errors import UsageError

WORKING_FOLDER: Final = "working"
DONE: Final = "done"
FAILED: Final = "failed"
ACCOUNT: Final = ".account.ndjson"
WRITING: Final = ".account.writing"
UNFINISHED: Final = ".part"
GROUP_READS: Final = stat.S_ISGID | stat.S_IRGRP | stat.S_IXGRP
NAME_BYTES_MAX: Final = 200  # with the name of its account, a name fits into the 255 bytes of a file system


@dataclass(frozen=True, slots=True, kw_only=True)
class DropPlaces:
    """The four folders."""

    folder: Path

    @property
    def working(self) -> Path:
        """Where a file is while it is handed in."""
        return self.folder / WORKING_FOLDER

    @property
    def done(self) -> Path:
        """Where a file is when nothing of it was refused."""
        return self.folder / DONE

    @property
    def failed(self) -> Path:
        """Where a file is when something of it was refused."""
        return self.folder / FAILED


def prepare(places: DropPlaces) -> None:
    """Make the folders that are missing. Raises UsageError `drop_folder_unusable`."""
    try:
        places.folder.mkdir(mode=0o770, exist_ok=True)
        mode = places.folder.stat().st_mode
        if mode & stat.S_IWOTH:
            raise _unusable(places, "every user of this machine can write into it", "take the right from others")
        for lower in (places.working, places.done, places.failed):
            if not lower.exists():
                lower.mkdir(mode=0o700)
                lower.chmod(0o700 | mode & GROUP_READS)
            if not stat.S_ISDIR(lower.lstat().st_mode):
                raise _unusable(places, f"{lower.name} is not a folder", "remove it")
            if lower.stat().st_dev != places.folder.stat().st_dev:
                raise _unusable(places, f"{lower.name} is on another volume", "put all of it on one volume")
    except OSError as error:
        raise _unusable(places, error.strerror or "it cannot be used", "correct `drop.folder`, or its rights") from None


def _unusable(places: DropPlaces, reason: str, hint: str) -> UsageError:
    message = f"the drop folder {places.folder} cannot be used: {reason}"
    return UsageError("drop_folder_unusable", message, path="drop.folder", hint=hint)


def is_dropped(name: str) -> bool:
    """Whether a name in the folder is that of a finished file, as far as the name says it."""
    return (
        not name.startswith(".")
        and not name.endswith((UNFINISHED, ACCOUNT, WRITING))
        and name not in (WORKING_FOLDER, DONE, FAILED)
    )


def is_too_long(name: str) -> bool:
    """Whether the account of a file with this name would have a name that the file system refuses."""
    return len(os.fsencode(name)) > NAME_BYTES_MAX


def names_in(folder: Path) -> list[str]:
    """The names in a folder, in their order. Raises OSError."""
    return sorted(path.name for path in folder.iterdir())


def free_name(folder: Path, name: str) -> str:
    """`name`, or `name.2` and so on: the first one that neither a file nor an account in `folder` has."""
    number = 1
    while True:
        tried = name if number == 1 else f"{name}.{number}"
        if not (os.path.lexists(folder / tried) or os.path.lexists(folder / f"{tried}{ACCOUNT}")):
            return tried
        number += 1


def name_without_account(folder: Path, name: str) -> str | None:
    """The name in `folder` that a file got whose account was not moved yet; None if there is none."""
    number = 1
    while os.path.lexists(folder / (tried := name if number == 1 else f"{name}.{number}")):
        if not os.path.lexists(folder / f"{tried}{ACCOUNT}"):
            return tried
        number += 1
    return None
