"""`audit replay`: opens a log and a folder of documents for reading, and replays the log.

Needs no home and no private key. With a home, its bus and its documents are used where no others are given. Nothing is
written but a temporary folder, which is removed, also when the command is interrupted.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from broker.bus import Evidence
from broker.log import EvidenceFile, LogUnavailable, LogUnusable
from node.audit.documents_read import DocumentsRead, documents_read
from node.audit.findings import FindingGroup, ReplayAnswer, ReplayedStream
from node.audit.replay import Progress, Selection, replay, unwatched
from node.clock import now_ms
from node.commands.version import version
from node.errors import Unavailable, UsageError
from node.runtime import config
from node.runtime.bus import opened_evidence, protection_of
from node.runtime.home import Home
from node.runtime.installed_documents import log_problems
from node.trust.document_files import DocumentFolder, read_folder
from schemas.formats import time_text
from schemas.types import BusSection


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaySources:
    """Where records and documents come from."""

    bus: BusSection
    bus_folder: Path
    """The folder of relative files in `bus`."""

    documents: Path
    community: bytes | None
    """Hash of the first ROOT; None if the folder has only one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditAnswer:
    """What the log proves, and what it was proved from."""

    records: int
    verified: int
    duplicates: int
    empty: int
    ignored: tuple[str, ...]
    streams: Sequence[ReplayedStream]
    findings: Sequence[FindingGroup]
    silent: tuple[str, ...]
    """Members of whom the log has no record."""

    date: str
    """The UTC date of the replay."""

    version: str
    commit: str | None
    community: bytes
    documents: DocumentsRead
    files: Sequence[EvidenceFile]
    """Of the log; none for a server."""


def sources(
    *, bus: str | None, documents: Path | None, community: bytes | None, home: Callable[[], Home | None]
) -> ReplaySources:
    """The sources of these arguments, and of the home for those that are None; `home` is called only if it is needed.

    Raises UsageError `home_missing` if an argument and the home are missing.
    """
    if bus is not None and documents is not None:
        section = config.bus_variables(bus)
        return ReplaySources(bus=section, bus_folder=Path(), documents=documents, community=community)
    opened = home()
    if opened is None:
        path = "bus" if bus is None else "documents"
        raise UsageError("home_missing", "no log or no documents were named", path=path)
    return ReplaySources(
        bus=opened.config.bus if bus is None else config.bus_variables(bus),
        bus_folder=opened.path if bus is None else Path(),
        documents=documents or opened.documents_folder,
        community=community or (opened.config.node.community if documents is None else None),
    )


def selection_of(*, stream: str | None, start: int, until: int | None) -> Selection:
    """The part of the log of these arguments; UsageError if `until` is not above `start`."""
    if until is not None and until <= start:
        hint = "it is the position after the last"
        raise UsageError("usage", "`until` is not above the first position", path="until", hint=hint)
    return Selection(stream=stream, start=start, until=until)


async def audit_replay(from_: ReplaySources, selection: Selection, *, progress: Progress = unwatched) -> AuditAnswer:
    """Replay the log; raises UsageError, or Unavailable if the log is unavailable or changes meanwhile."""
    if not from_.documents.is_dir():
        raise UsageError("root_missing", f"{from_.documents} is not a folder of documents", path="documents")
    documents = documents_read(from_.documents)
    folder = read_folder(from_.documents, from_.community)
    log_problems(folder)
    with TemporaryDirectory(prefix="enlace-audit-") as scratch:
        try:
            evidence = await _opened(from_, Path(scratch))
            answer = await _replayed(evidence, folder, selection, Path(scratch), progress)
        except LogUnusable:
            raise
        except LogUnavailable as error:
            hint = "nothing was concluded; try again"
            raise Unavailable("bus_unavailable", str(error), path="bus", hint=hint) from error
    return _answer(answer, evidence, folder, documents)


async def _opened(from_: ReplaySources, scratch: Path) -> Evidence:
    """The log. Reading and copying its files ends soon after the call is cancelled, before the folder is removed."""
    stop, copies = threading.Event(), scratch / "log"
    copies.mkdir()
    protection = protection_of(from_.bus, from_.bus_folder)
    read = partial(opened_evidence, from_.bus.url, from_.bus_folder, copies, protection, path="bus")
    reading = asyncio.ensure_future(asyncio.to_thread(read, stopped=stop.is_set))
    try:
        return await asyncio.shield(reading)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait([reading])
        raise


async def _replayed(
    evidence: Evidence, folder: DocumentFolder, selection: Selection, scratch: Path, progress: Progress
) -> ReplayAnswer:
    files = evidence.files
    try:
        answer = await replay(
            evidence.log,
            folder.governance,
            selection,
            scratch=scratch,
            progress=progress,
            deleted_rows=files.deleted_rows if files is not None else lambda: 0,
        )
    finally:
        await evidence.log.close()
    if files is not None:
        files.check_unchanged()
    return answer


def _answer(answer: ReplayAnswer, evidence: Evidence, folder: DocumentFolder, documents: DocumentsRead) -> AuditAnswer:
    program = version()
    return AuditAnswer(
        records=answer.records,
        verified=answer.verified,
        duplicates=answer.duplicates,
        empty=answer.empty,
        ignored=answer.ignored,
        streams=answer.streams,
        findings=answer.groups,
        silent=answer.silent,
        date=time_text(now_ms())[:10],
        version=program.version,
        commit=program.commit,
        community=folder.governance.community,
        documents=documents,
        files=evidence.files.files if evidence.files is not None else (),
    )
