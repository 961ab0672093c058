"""`restore`: makes a home from a backup. The home does not exist before, or is an empty folder.

The store comes into the database that `store.url` names. Then the node reads its own streams and adopts what the log
has more than the backup (adopt.py), if its keys are there and the log answers; otherwise its daemon seals nothing
(`head_behind`) until that was done.
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from broker.log import LogError
from node.answers.plain_json import TimeMs
from node.clock import now_ms
from node.errors import EnlaceError, UsageError
from node.files import new_folder
from node.integrity.copy_store import copy_store
from node.retention.eraser import Eraser, safe_time
from node.runtime.home import Home, open_home
from node.runtime.open_store import open_store
from node.upkeep import archive, home_files
from node.upkeep.adopt import AdoptedStream, adopt
from node.upkeep.store_address import address_of, file_address, opened


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreAnswer:
    """A home that was made from a backup."""

    home: Path
    file: Path
    taken_at: TimeMs
    sha256: str
    store: Mapping[str, int]
    """Table -> number of rows."""

    adopted: tuple[AdoptedStream, ...]
    pending: str | None
    """Why the own streams were not read; None if they were."""

    missing: tuple[str, ...]
    """Files that the configuration names, and the key of webhooks, which were not in the backup and are not there."""


async def restore(path: Path, file: Path) -> RestoreAnswer:
    """Make the home at `path`. Raises UsageError, Refused `backup_damaged`, and Unavailable."""
    _check_empty(path)
    with new_folder(path) as folder:
        manifest = archive.unpack(file, folder)
        _place_store(folder, path)
    home = open_home(path)
    await _erase_expired(home)
    adopted: tuple[AdoptedStream, ...] = ()
    pending = None
    try:
        adopted = (await adopt(home)).adopted
    except (EnlaceError, LogError) as error:
        pending = _reason(home, error)
    return RestoreAnswer(
        home=path,
        file=file,
        taken_at=manifest.taken_at,
        sha256=archive.member_of(file).sha256,
        store=manifest.tables,
        adopted=adopted,
        pending=pending,
        missing=home_files.missing(home, manifest.tables),
    )


def _reason(home: Home, error: EnlaceError | LogError) -> str:
    """Why the own streams could not be read, and what to do first."""
    keys = home.path / home.config.keys.file
    if not keys.exists():
        return f"the backup holds no private keys; copy the key file of the node to {keys}"
    hint = error.hint if isinstance(error, EnlaceError) else None
    return f"{error}; {hint}" if hint else str(error)


async def _erase_expired(home: Home) -> None:
    """Erase what expired after the backup was taken: nothing of it comes back."""
    async with open_store(home) as store:
        eraser = Eraser(store=store, node=home.node, clock=now_ms, safe_time=safe_time(store, home.node))
        while await eraser.step():
            pass


def _check_empty(path: Path) -> None:
    """Raise UsageError unless the folder is empty, or does not exist. An empty one is removed: it is made again."""
    if path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
        path.rmdir()
    elif path.exists() or path.is_symlink():
        raise UsageError("home_not_empty", f"{path} is not an empty folder", path="home", hint="name another folder")


def _place_store(folder: Path, final: Path) -> None:
    """Bring the store of the unpacked `folder`, later `final`, to the database that the configuration names."""
    unpacked = folder / archive.STORE
    home = Home(path=final, config=open_home(folder).config, topology=open_home(folder).topology)
    target = address_of(home.store_url, home)
    if target.file == final / archive.STORE:
        return
    if target.file is not None and target.file.is_relative_to(final):
        inside = folder / target.file.relative_to(final)
        inside.parent.mkdir(parents=True, exist_ok=True)
        target = file_address(inside)
    with opened(file_address(unpacked), "file") as source, opened(target, "store.url", make=True) as made:
        copy_store(source, made)
    for name in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            Path(f"{unpacked}{name}").unlink()
