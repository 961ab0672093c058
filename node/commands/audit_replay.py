"""`audit replay`: opens a log and a folder of documents, and replays the log.

Needs no home and no private key. With a home, its bus and its documents are used where no others are given.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from node.audit.findings import ReplayAnswer
from node.audit.replay import Progress, Selection, replay, unwatched
from node.errors import UsageError
from node.runtime import config
from node.runtime.bus import opened_bus, protection_of
from node.runtime.home import Home
from node.runtime.installed_documents import log_problems
from node.trust.document_files import read_folder
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


async def audit_replay(from_: ReplaySources, selection: Selection, *, progress: Progress = unwatched) -> ReplayAnswer:
    """Replay the log; raises UsageError, or Unavailable if the log is unavailable."""
    if not from_.documents.is_dir():
        raise UsageError("root_missing", f"{from_.documents} is not a folder of documents", path="documents")
    folder = read_folder(from_.documents, from_.community)
    log_problems(folder)
    log = opened_bus(from_.bus.url, from_.bus_folder, protection_of(from_.bus, from_.bus_folder), path="bus")
    try:
        with TemporaryDirectory(prefix="enlace-audit-") as scratch:
            return await replay(log, folder.governance, selection, scratch=Path(scratch), progress=progress)
    finally:
        await log.close()
