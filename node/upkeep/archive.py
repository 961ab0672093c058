"""The file of a backup: a tar archive whose first member says what the others are, with the SHA-256 of each.

    manifest.json     format, node, when it was taken, revision, rows of each table, SHA-256 and size of each member
    node.toml         and topology.toml, documents/*, key files, a mapping: each under its name in the home
    store.db          the store as a SQLite file, also of a node on PostgreSQL

Nothing is unpacked by a name from the archive that is not one of these forms, and nothing before its digest fits.
"""

import hashlib
import io
import os
import re
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Final

import msgspec

from node.errors import Refused, Unavailable, UsageError
from node.files import DISK_FULL, FILE_MODE, FOLDER_MODE, opened_file

FORMAT: Final = "enlace backup 1"
MANIFEST: Final = "manifest.json"
STORE: Final = "store.db"
MANIFEST_SIZE_BYTES_MAX: Final = 16 * 1024 * 1024  # 10,000 documents with their digests
_CHUNK_BYTES: Final = 1024 * 1024
_FILE_NAME: Final = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
_DOCUMENT_NAME: Final = r"(?!\.\.?$)[^/\x00-\x1f\x7f\ud800-\udfff]+"  # people choose it
_NAME: Final = re.compile(rf"(?:{_FILE_NAME}/)*{_FILE_NAME}|documents/{_DOCUMENT_NAME}")


class Member(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of a backup."""

    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a backup contains."""

    format: str
    node: str
    community: str
    taken_at: int
    """In ms."""

    revision: str
    tables: dict[str, int]
    members: dict[str, Member]


def may_be_member(name: str) -> bool:
    """Whether a file of this name can be in a backup."""
    return _NAME.fullmatch(name) is not None


def write(file: Path, manifest: Manifest, members: Mapping[str, Path]) -> None:
    """Write a new archive. Raises UsageError if the file exists."""
    try:
        descriptor = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, FILE_MODE)
    except FileExistsError:
        message = f"{file} exists already, and is not overwritten"
        raise UsageError("file_exists", message, path=str(file), hint="name another file") from None
    except OSError as error:
        raise UsageError("file_unwritable", f"{file}: {error.strerror}", path=str(file)) from None
    try:
        with os.fdopen(descriptor, "wb") as out:
            with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
                _add(archive, MANIFEST, msgspec.json.encode(manifest))
                for name, path in members.items():
                    archive.add(path, arcname=name, recursive=False, filter=_plain)
            out.flush()
            os.fsync(out.fileno())
    except BaseException:
        file.unlink()
        raise


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), FILE_MODE
    archive.addfile(info, io.BytesIO(data))


def _plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without the user, the group and the mode of the machine."""
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mode = FILE_MODE
    return info


def unpack(file: Path, folder: Path) -> Manifest:
    """Write the members of a backup into `folder`.

    Raises UsageError, Refused `backup_damaged`, and Unavailable `disk_full`, which concerns the folder.
    """
    try:
        with opened_file(file) as source_file, tarfile.open(fileobj=source_file, mode="r:") as archive:
            members = iter(archive)
            manifest = _manifest(archive, next(members, None))
            left = dict(manifest.members)
            for info in members:
                expected = left.pop(info.name, None)
                if expected is None or not info.isfile() or not _NAME.fullmatch(info.name):
                    raise _damaged(f"it has a member {info.name!r} that its manifest does not name")
                source = archive.extractfile(info)
                if source is None or _extract(source, folder / info.name) != expected:
                    raise _damaged(f"{info.name} does not have the size and the SHA-256 of the manifest")
    except OSError as error:
        if error.errno in DISK_FULL:
            raise Unavailable("disk_full", f"{folder}: {error.strerror}", path="home", hint="free some space") from None
        raise UsageError("file_unreadable", f"{file}: {error.strerror}", path="file") from None
    except (tarfile.TarError, EOFError, UnicodeError) as error:
        raise _damaged(f"it is not a whole archive ({error})") from None
    if left:
        raise _damaged(f"{next(iter(left))} is missing")
    return manifest


def _manifest(archive: tarfile.TarFile, info: tarfile.TarInfo | None) -> Manifest:
    source = archive.extractfile(info) if info is not None and info.isfile() and info.name == MANIFEST else None
    if source is None:
        raise _damaged("it does not begin with its manifest")
    try:
        manifest = msgspec.json.decode(source.read(MANIFEST_SIZE_BYTES_MAX), type=Manifest)
    except msgspec.DecodeError as error:
        raise _damaged(f"its manifest cannot be read ({error})") from None
    if manifest.format != FORMAT:
        raise UsageError("backup_unknown", f"this version does not know the format {manifest.format!r}", path="file")
    return manifest


def _extract(source: IO[bytes], path: Path) -> Member:
    path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    hashed, size = hashlib.sha256(), 0
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, FILE_MODE), "wb") as out:
        for chunk in _chunks(source):
            hashed.update(chunk)
            size += len(chunk)
            out.write(chunk)
        out.flush()
        os.fsync(out.fileno())
    return Member(size=size, sha256=hashed.hexdigest())


def member_of(path: Path) -> Member:
    """Size and SHA-256 of a file."""
    hashed = hashlib.sha256()
    with path.open("rb") as file:
        for chunk in _chunks(file):
            hashed.update(chunk)
        return Member(size=file.tell(), sha256=hashed.hexdigest())


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK_BYTES):
        yield chunk


def _damaged(reason: str) -> Refused:
    return Refused(
        "backup_damaged", f"the backup is damaged: {reason}", path="file", hint="take another copy of the backup"
    )
