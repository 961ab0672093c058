"""Opens the database that a user names by an address, and locks the homes whose daemons could work on it.

An address is as in `store.url`: `sqlite:///FILE`, or `postgresql+psycopg://…`. A relative file is relative to the home
if there is one, and otherwise to the current folder.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from broker.bus import SQLITE
from node.database.backend import Backend, StoreOptions
from node.database.engine import backend_at, shown_url
from node.errors import EnlaceError, UsageError
from node.runtime.config import NODE_FILE
from node.runtime.home import Home
from node.runtime.single_daemon import only_daemon
from node.secret_files import SECRET_MODE

SQLITE_MAGIC: Final = b"SQLite format 3\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreAddress:
    """A database, not opened yet."""

    url: str
    shown: str
    """Without the password."""

    file: Path | None
    """Of a SQLite store."""

    options: StoreOptions


def address_of(url: str, home: Home | None) -> StoreAddress:
    """The database at `url`."""
    folder = home.path if home is not None else Path()
    file = (folder / url.removeprefix(SQLITE)).absolute() if url.startswith(SQLITE) and url != SQLITE else None
    absolute = f"{SQLITE}{file}" if file is not None else url
    options = home.store_options if home is not None else StoreOptions(folder=folder.absolute())
    return StoreAddress(url=absolute, shown=shown_url(absolute), file=file, options=options)


def file_address(file: Path) -> StoreAddress:
    """A SQLite file."""
    url = f"{SQLITE}{file.absolute()}"
    return StoreAddress(url=url, shown=url, file=file.absolute(), options=StoreOptions())


@contextmanager
def opened(address: StoreAddress, path: str, *, make: bool = False) -> Iterator[Backend]:
    """The database at an address; errors name `path`. Without `make`, a file has to exist.

    A file that is made is for its owner only, and is removed if nothing was written to it.
    """
    made = address.file is not None and not address.file.exists()
    try:
        _check_file(address.file, make=make)
        backend = backend_at(address.url, address.options)
    except EnlaceError as error:
        error.path = path
        raise
    if made and address.file is not None:
        os.close(os.open(address.file, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, SECRET_MODE))
    try:
        yield backend
    except BaseException:
        if made and address.file is not None:
            backend.writer.dispose()
            for name in ("", "-wal", "-shm"):
                Path(f"{address.file}{name}").unlink(missing_ok=True)
        raise
    finally:
        backend.writer.dispose()
        backend.reader.dispose()


def _check_file(file: Path | None, *, make: bool) -> None:
    """Nothing is changed of a file that is not a SQLite database."""
    if file is None:
        return
    if not file.exists():
        if not make:
            raise UsageError("store_missing", f"{file} does not exist", hint="name the file of a store")
        if not file.parent.is_dir():
            raise UsageError("file_unwritable", f"{file.parent} is not a folder", hint="make the folder first")
        return
    if not file.is_file() or (file.stat().st_size and not _is_sqlite(file)):
        raise UsageError("store_foreign", f"{file} is not a SQLite database", hint="name the file of a store")


def _is_sqlite(file: Path) -> bool:
    with file.open("rb") as opened_file:
        return opened_file.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC


@contextmanager
def no_daemon(home: Home | None, addresses: Iterable[StoreAddress]) -> Iterator[None]:
    """Hold the locks of the homes, so that none of their daemons runs or starts. Raises Unavailable `already_running`.

    The home that was named, and each home in whose folder one of the files is.
    """
    folders = {home.path.resolve()} if home is not None else set()
    for address in addresses:
        if address.file is not None and (address.file.parent / NODE_FILE).is_file():
            folders.add(address.file.parent.resolve())
    with ExitStack() as locks:
        for folder in sorted(folders):
            locks.enter_context(only_daemon(folder))
        yield
