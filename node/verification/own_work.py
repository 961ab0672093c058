"""Verifies what this node sealed, before it leaves: with the `authenticate` that readers use. Pure."""

from collections.abc import Iterable
from typing import Final

from broker.streams import KEYS
from node.errors import Unavailable
from node.stages import SealedBatch, StreamId, Verified
from node.trust.governance import Governance
from node.verification.judge import Judge

_OF_DOCUMENTS: Final = ("key_not_valid", "key_unknown", "key_use_wrong")
"""Codes that depend on documents that an operator can install; every other one is a fault of what was sealed."""


class SealingRefused(Unavailable):
    """A reader would reject what this node sealed, or would seal. `rejected` is the code of the verification."""

    rejected: str = ""

    @property
    def concerns_documents(self) -> bool:
        """Whether other documents would mend it, for every draft."""
        return self.rejected in _OF_DOCUMENTS


def _refused(rejected: str, reason: str) -> SealingRefused:
    message = f"this node's own verification rejects what it sealed: {rejected}, {reason}"
    error = SealingRefused("sealing_refused", message, hint=_hint(rejected))
    error.rejected = rejected
    return error


def why_not_sealed(governance: Governance, node: str, t: int) -> str | None:
    """Why nothing of a node can be sealed at `t` (ms), as far as its documents decide it; None if it can.

    Without a valid ENCRYPT key the node could not read what it seals; without `keys`, readers refuse its grants.
    """
    if not governance.encrypt_keys(node, t):
        return f"{node} has no valid NODE document with a valid ENCRYPT key"
    if not governance.may_write(node, KEYS, t):
        return f"the NODE document of {node} does not list the stream {KEYS}"
    return None


def check_own_key(judge: Judge, t: int) -> None:
    """Raise SealingRefused if the documents let this node seal nothing at `t` (ms)."""
    if (reason := why_not_sealed(judge.governance, judge.node, t)) is not None:
        raise _refused("key_not_valid", reason)


def _hint(code: str) -> str:
    """What to do about a failed check."""
    if code in _OF_DOCUMENTS:
        return "install a NODE document that is valid now and lists this node's keys and streams"
    return f"this is a bug of this version of Enlace: report it with the code {code}"


def check_own_work(batches: Iterable[SealedBatch], judge: Judge) -> list[Verified]:
    """The records of `batches`, verified. Raises SealingRefused if a reader would reject one.

    The cause is a key that is not valid any more, or a bug.
    """
    verified = []
    for batch in batches:
        stream = StreamId(stream=batch.stream, originator=judge.node)
        for value in batch.values:
            checked = judge.authenticate(value, stream)
            if not isinstance(checked, Verified):
                raise _refused(checked.code or "", checked.reason)
            verified.append(checked)
    return verified
