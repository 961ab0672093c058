"""Verifies what this node sealed, before it leaves: with the `authenticate` that readers use. Pure."""

from collections.abc import Iterable

from node.errors import Unavailable
from node.stages import SealedBatch, StreamId, Verified
from node.verification.judge import Judge


def _hint(code: str) -> str:
    """What to do about a failed check: only these codes depend on documents that an operator can install."""
    if code in ("key_not_valid", "key_unknown", "key_use_wrong"):
        return "install a NODE document that is valid now and lists this node's keys and streams"
    return f"this is a bug of this version of Enlace: report it with the code {code}"


def check_own_work(batches: Iterable[SealedBatch], judge: Judge) -> list[Verified]:
    """The records of `batches`, verified. Raises Unavailable `sealing_refused` if a reader would reject one.

    The cause is a key that is not valid any more, or a bug.
    """
    verified = []
    for batch in batches:
        stream = StreamId(stream=batch.stream, originator=judge.node)
        for value in batch.values:
            checked = judge.authenticate(value, stream)
            if not isinstance(checked, Verified):
                raise Unavailable(
                    "sealing_refused",
                    f"this node's own verification rejects what it sealed: {checked.code}, {checked.reason}",
                    hint=_hint(checked.code or ""),
                )
            verified.append(checked)
    return verified
