"""The documents that an operator installed in a home, and the judge that follows from them.

Looks again when the folder changed; a folder that cannot be used any more leaves the last judge in force and is
logged, so that a half-copied file stops nothing.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import structlog

from node.errors import EnlaceError
from node.sealing.hpke import WrapFailed, unwrap
from node.sealing.private_keys import PrivateKeys
from node.sharing.grants import AudienceKeys
from node.trust.document_files import DocumentFolder, read_folder
from node.trust.governance import Governance
from node.verification.judge import Judge
from node.verification.signature_memory import SignatureMemory

log = structlog.get_logger()

State = tuple[tuple[str, int, int], ...]


class Installed:
    """Governance from files, and this node's judge."""

    def __init__(self, folder: Path, community: bytes | None, node: str, keys: PrivateKeys) -> None:
        self._folder = folder
        self._community = community
        self._state = self._look()
        found = read_folder(folder, community)
        governance = found.governance
        self.judge = Judge(
            node=node,
            governance=governance,
            holds=lambda key_id: keys.by_id(key_id) is not None,
            audience_keys=AudienceKeys(unwrapper(keys), governance.community),
            memory=SignatureMemory(),
        )
        warn_of_problems(found)

    @property
    def governance(self) -> Governance:
        """The documents that have effect."""
        return self.judge.governance

    def current(self) -> Judge:
        """The judge by the documents that lie there now: sealing must not decide by others than the intake did."""
        self._reload()
        return self.judge

    def _reload(self) -> None:
        """Take up a folder that changed; one that cannot be used changes nothing."""
        state = self._look()
        if state == self._state:
            return
        self._state = state
        try:
            found = read_folder(self._folder, self._community)
        except EnlaceError as error:
            log.error("documents_unusable", code=error.code, reason=error.message)
            return
        governance = found.governance
        self.judge = replace(self.judge, governance=governance)
        warn_of_problems(found)
        log.info("documents_taken_up", nodes=len(governance.nodes), agreements=len(governance.agreements))

    def _look(self) -> State:
        found = []
        for path in sorted(self._folder.glob("*.signed")):
            status = path.stat()
            found.append((path.name, status.st_mtime_ns, status.st_size))
        return tuple(found)


def unwrapper(keys: PrivateKeys) -> Callable[[bytes, bytes, bytes], bytes]:
    """What `AudienceKeys` asks: unwrap with the private key of this id; raises WrapFailed."""

    def unwrap_with(key_id: bytes, wrap: bytes, info: bytes) -> bytes:
        key = keys.by_id(key_id)
        if key is None:
            raise WrapFailed
        return unwrap(key.decryption_key, wrap, info)

    return unwrap_with


def warn_of_problems(found: DocumentFolder) -> None:
    """Log each file without effect."""
    for path, problem in found.problems:
        log.warning("document_without_effect", file=path.name, code=problem.code, reason=problem.message)
