"""The judge of a node: its private keys and the documents that are installed now.

The relay asks for the current judge before it seals, so that it seals under the documents that intake used.
"""

from collections.abc import Callable
from dataclasses import replace

from node.runtime.installed_documents import InstalledDocuments
from node.sealing.hpke import WrapFailed, unwrap
from node.sealing.private_keys import PrivateKeys
from node.sharing.grants import AudienceKeys
from node.verification.judge import Judge
from node.verification.signature_memory import SignatureMemory


class CurrentJudge:
    """One node's judge, replaced when its documents change."""

    def __init__(self, documents: InstalledDocuments, node: str, keys: PrivateKeys) -> None:
        self._documents = documents
        governance = documents.governance
        self.judge = Judge(
            node=node,
            governance=governance,
            holds=keys.is_own,
            audience_keys=AudienceKeys(unwrapper(keys), governance.community),
            memory=SignatureMemory(),
        )

    def current(self) -> Judge:
        """The judge under the documents of this moment; the same object as before if none changed."""
        governance = self._documents.current()
        if governance is not self.judge.governance:
            self.judge = replace(self.judge, governance=governance)
        return self.judge

    def trust_clock(self, trusted: bool) -> None:
        """Say whether the clock is known to be right. A change makes a new judge, as changed documents do."""
        if trusted is not self.judge.trusts_clock:
            self.judge = replace(self.judge, trusts_clock=trusted)


def unwrapper(keys: PrivateKeys) -> Callable[[bytes, bytes, bytes], bytes]:
    """The function by which `AudienceKeys` unwraps: (key id, wrap, info) -> key; raises WrapFailed."""

    def unwrap_with(key_id: bytes, wrap: bytes, info: bytes) -> bytes:
        key = keys.by_id(key_id)
        if key is None:
            raise WrapFailed
        return unwrap(key.decryption_key, wrap, info)

    return unwrap_with
