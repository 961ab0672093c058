"""The signed documents that an operator installed in a home, and the governance that follows from them.

Needs no private key. The folder is read once, and again only if it changed. A folder that can no longer be used
leaves the last governance in force and is logged, so that a half-copied file does not stop the node.
"""

from collections.abc import Callable
from pathlib import Path

import structlog

from node import clock
from node.errors import EnlaceError
from node.trust.document_files import DOCUMENT_SUFFIX, DocumentFolder, read_folder
from node.trust.governance import Governance

log = structlog.get_logger()

_FolderState = tuple[tuple[str, int, int], ...]
"""Name, time of change in ns and size of each document file."""


class InstalledDocuments:
    """The documents of one folder."""

    def __init__(self, folder: Path, community: bytes | None, now: Callable[[], int] = clock.now_ms) -> None:
        """Read the folder; raises UsageError if it holds no first ROOT, or not that of `community`."""
        self._now = now
        self._folder = folder
        self._community = community
        self._state = self._look()
        read = read_folder(folder, community, now=now())
        self._governance = read.governance
        log_problems(read)

    @property
    def governance(self) -> Governance:
        """The governance as of the last reading."""
        return self._governance

    def current(self) -> Governance:
        """The governance by the files that are in the folder now: reads them again if the folder changed."""
        state = self._look()
        if state == self._state:
            return self._governance
        self._state = state
        try:
            read = read_folder(self._folder, self._community, now=self._now())
        except EnlaceError as error:
            log.error("documents_unusable", code=error.code, reason=error.message)
            return self._governance
        self._governance = read.governance
        log_problems(read)
        log.info("documents_taken_up", nodes=len(self._governance.nodes), agreements=len(self._governance.agreements))
        return self._governance

    def _look(self) -> _FolderState:
        files = []
        for path in sorted(self._folder.glob(f"*{DOCUMENT_SUFFIX}")):
            try:
                status = path.stat()
            except OSError:  # it was removed meanwhile, or is a link without a target
                files.append((path.name, 0, 0))
            else:
                files.append((path.name, status.st_mtime_ns, status.st_size))
        return tuple(files)


def log_problems(folder: DocumentFolder) -> None:
    """Log each file without effect."""
    for path, problem in folder.problems:
        log.warning("document_without_effect", file=path.name, code=problem.code, reason=problem.message)
