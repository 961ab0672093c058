"""`backup`: a consistent copy of a node in one file, while the node runs or not.

The store is one state of the database, copied row by row into a SQLite file and compared. Keys are in the backup if
their file is encrypted under a passphrase, which is never in it, or if the caller asks for them.
"""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from node import clock
from node.access_chain import head_file, head_rows
from node.access_chain.head_file import HEADS_FILE
from node.answers.plain_json import TimeMs
from node.database import migrate
from node.database.engine import Transaction
from node.errors import UsageError
from node.integrity.copy_store import snapshot
from node.runtime.home import Home
from node.runtime.open_store import open_store
from node.upkeep import archive
from node.upkeep.archive import Manifest
from node.upkeep.home_files import files_of, has_keys
from node.upkeep.store_address import file_address, opened


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupAnswer:
    """A backup that was taken."""

    file: Path
    taken_at: TimeMs
    sha256: str
    """Of the file, in hexadecimal."""

    keys: bool
    """Whether the private keys are in it."""

    store: Mapping[str, int]
    """Table -> number of rows."""


async def backup(home: Home, file: Path, *, with_keys: bool) -> BackupAnswer:
    """Write a backup of `home` to the new file. Raises UsageError if it exists, or has no folder."""
    _check_free(file)
    with tempfile.TemporaryDirectory(prefix=f".{file.name}.", dir=file.parent) as made:
        folder = Path(made)
        tables, end = await _store_into(home, folder / archive.STORE)
        taken_at = clock.now_ms()
        members = _files(home, folder, with_keys=with_keys) | _heads(home, folder, end)
        manifest = Manifest(
            format=archive.FORMAT,
            node=home.node,
            community=home.config.node.community.hex() if home.config.node.community else "",
            taken_at=taken_at,
            revision=migrate.REVISION,
            tables=tables,
            members={name: archive.member_of(path) for name, path in members.items()},
        )
        archive.write(folder / "whole", manifest, members)
        (folder / "whole").rename(file)
    return BackupAnswer(
        file=file,
        taken_at=taken_at,
        sha256=archive.member_of(file).sha256,
        keys=has_keys(home, members),
        store=tables,
    )


def _check_free(file: Path) -> None:
    if file.exists() or file.is_symlink():
        message = f"{file} exists already, and is not overwritten"
        raise UsageError("file_exists", message, path="file", hint="name another file")
    if not file.parent.is_dir():
        raise UsageError("file_unwritable", f"{file.parent} is not a folder", path="file", hint="make the folder first")


async def _store_into(home: Home, file: Path) -> tuple[dict[str, int], int]:
    """Returns the rows of each table, and the last entry of the access log."""
    async with open_store(home, existing=True) as store:
        with opened(file_address(file), "file", make=True) as target:

            def copy(db: Transaction) -> tuple[dict[str, int], int]:
                end = head_rows.end(db)
                return snapshot(db, target=target), end.entry if end is not None else 0

            return await store.read(copy)


def _heads(home: Home, folder: Path, end: int) -> dict[str, Path]:
    """The signed heads of the access log up to its last entry in the backup: the daemon may sign meanwhile."""
    source = home.path / HEADS_FILE
    until = head_file.size(source)
    if not until:
        return {}
    copy = folder / "heads"
    with copy.open("wb") as file:
        for line in head_file.lines(source, until=until):
            head = head_file.head_of(line)
            if head is None or head.entry <= end:
                file.write(line)
    return {HEADS_FILE: copy}


def _files(home: Home, folder: Path, *, with_keys: bool) -> dict[str, Path]:
    """The files of a backup by their names, copied so that they do not change while they are read."""
    members = {archive.STORE: folder / archive.STORE}
    for number, (name, source) in enumerate(files_of(home, with_keys=with_keys).items()):
        copy = folder / f"member-{number}"
        try:
            shutil.copyfile(source, copy)
        except FileNotFoundError:
            continue  # somebody removed it meanwhile
        except PermissionError as error:
            raise UsageError("file_unreadable", f"{source}: {error.strerror}", path=str(source)) from None
        members[name] = copy
    return members
