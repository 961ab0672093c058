"""Opens the file of a log as evidence: it is only read, nothing is made beside it, and each of its files gets a digest.

SQLite keeps the newest records in `FILE-wal` until it writes them into FILE. Reading both needs a third file beside
them. So if there is a journal, FILE and journal are copied to a folder of the caller and read there. Without one, FILE
is read where it is, as a file that does not change.
"""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from broker.embedded import rows
from broker.embedded.connection import LogConnection, translating
from broker.log import EvidenceFile, LogUnavailable

JOURNALS: Final = ("-wal", "-journal")
PIECE_BYTES: Final = 1024 * 1024
COPIES_MAX: Final = 3  # a node that still runs may write while the files are copied
COUNT_SECONDS_MAX: Final = 600.0  # of a log of terabytes


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEvidence:
    """The files of a log, and where to read them."""

    original: Path
    readable: Path
    """The file to open: the original, or a copy."""

    files: tuple[EvidenceFile, ...]
    state: tuple[object, ...]
    """What the file system said about the original files when they were read."""

    @property
    def is_copy(self) -> bool:
        """Whether the file to open is a copy, which may change."""
        return self.readable != self.original

    def check_unchanged(self) -> None:
        """Raise LogUnavailable if the files changed since they were read."""
        if not self.is_copy and _state(self.original) != self.state:
            raise LogUnavailable(f"{self.original} changed while it was read; stop the nodes, or read a copy")

    def deleted_rows(self) -> int:
        """How many records were deleted from the file, besides those before the beginning of a topic.

        The file numbers its records, also across topics, and keeps the last number. A deleted topic leaves its numbers
        unused. Somebody who knows this can hide a deletion.
        """
        counting = _Counting(self.readable, immutable=not self.is_copy)
        try:
            return counting.deleted_rows()
        finally:
            counting.close()


class _Counting(LogConnection):
    """Counts on a file of which nothing is believed."""

    @translating
    def deleted_rows(self) -> int:
        """The numbers that were given, without the records that are there or were before the beginning of a topic."""
        with self.transaction("BEGIN", seconds=COUNT_SECONDS_MAX) as connection:
            return max(0, rows.last_number(connection) - rows.count(connection) - rows.truncated(connection))


def read_evidence(file: Path, scratch: Path, stopped: Callable[[], bool]) -> FileEvidence:
    """Read every file of the log at `file` once; `scratch` is an empty folder for copies.

    Raises LogUnavailable if a file cannot be read, changes meanwhile, or `stopped` answers true.
    """
    if file.exists() and not file.is_file():  # a pipe would be waited for
        raise LogUnavailable(f"{file}: it is not a regular file")
    try:
        for _ in range(COPIES_MAX):
            state = _state(file)
            journals = [name for name in JOURNALS if (path := Path(f"{file}{name}")).is_file() and path.stat().st_size]
            names = [file, *(Path(f"{file}{name}") for name in journals)]
            files = tuple(_read(name, scratch / name.name if journals else None, stopped) for name in names)
            if _state(file) == state:
                readable = scratch / file.name if journals else file
                return FileEvidence(original=file, readable=readable, files=files, state=state)
    except OSError as error:
        raise LogUnavailable(f"{error.filename or file}: {error.strerror}") from error
    raise LogUnavailable(f"{file} changes while it is read; stop the nodes, or read a copy")


def _state(file: Path) -> tuple[object, ...]:
    """Size and time of the last change of each file of the log."""
    found: list[object] = []
    for path in (file, *(Path(f"{file}{name}") for name in JOURNALS)):
        try:
            status = path.stat()
        except FileNotFoundError:
            found.append(None)
        else:
            found.append((status.st_ino, status.st_size, status.st_mtime_ns))
    return tuple(found)


def _read(file: Path, copy: Path | None, stopped: Callable[[], bool]) -> EvidenceFile:
    """The digest of a file, which is copied meanwhile."""
    digest, size = hashlib.sha256(), 0
    with file.open("rb") as source, (copy or Path(os.devnull)).open("wb") as target:
        while piece := source.read(PIECE_BYTES):
            if stopped():
                raise LogUnavailable("reading was interrupted")
            digest.update(piece)
            size += len(piece)
            target.write(piece)
    return EvidenceFile(file=file.name, size=size, sha256=digest.hexdigest())
