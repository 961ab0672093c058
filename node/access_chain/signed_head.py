"""A signed head of the access log: which entry was the last one, with which hash, and when. Pure.

The CHECKPOINT key of the node signs it, like the checkpoints of its streams; the domain of the signed bytes keeps the
two apart. A head is a line of the file of heads and a row of the store. With the store alone, nobody can make one.
"""

from dataclasses import dataclass
from typing import Final

import msgspec

from node.access_chain.entry_hash import number
from node.primitives import ZERO_HASH, frame
from node.sealing.private_keys import PrivateKey, PrivateKeys
from node.sealing.public_keys import verify_mldsa
from node.trust.governance import Governance
from schemas.types import KeyUse

HASH_SIZE_BYTES: Final = 32


class SignedHead(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a node states about its access log; bytes are base64 in a line of the file."""

    node: str
    entry: int
    """The id of the entry that was the last one."""

    hash: bytes
    """Of this entry."""

    at: int
    """When it was signed, in ms."""

    erased_entry: int = 0
    """Entries up to this id had been erased by a user; 0 if none."""

    erased_hash: bytes = ZERO_HASH
    """The hash of the entry `erased_entry`."""

    key_id: bytes
    signature: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPoint:
    """An entry of the log and its hash. The point before the first entry is 0 with zeros."""

    entry: int
    hash: bytes


def statement(head: SignedHead, community: bytes) -> bytes:
    """The bytes that are signed. Raises OverflowError for a number that no entry can have."""
    return frame(
        "enlace/1 access head",
        community,
        head.node.encode(),
        number(head.entry),
        head.hash,
        number(head.at),
        number(head.erased_entry),
        head.erased_hash,
    )


def usable_key(keys: PrivateKeys, governance: Governance, now: int) -> PrivateKey | None:
    """The newest CHECKPOINT key of the node that its documents list and that is valid at `now` (ms)."""
    for key in reversed(keys.of_use(KeyUse.CHECKPOINT).keys):
        listed = governance.key(key.key_id)
        if listed is not None and listed.valid_at(now):
            return key
    return None


def sign(point: LogPoint, key: PrivateKey, *, community: bytes, now: int, erased: LogPoint) -> SignedHead:
    """A head of this point of the log."""
    head = SignedHead(
        node=key.node,
        entry=point.entry,
        hash=point.hash,
        at=now,
        erased_entry=erased.entry,
        erased_hash=erased.hash,
        key_id=key.key_id,
    )
    return msgspec.structs.replace(head, signature=key.sign(statement(head, community)))


def why_invalid(head: SignedHead, governance: Governance, node: str) -> str | None:
    """What is wrong with a head of `node`; None if a CHECKPOINT key of the node signed it while it was valid."""
    if head.node != node:
        return f"it is of the node {head.node}"
    if len(head.hash) != HASH_SIZE_BYTES or len(head.erased_hash) != HASH_SIZE_BYTES:
        return "a hash has another length"
    key = governance.key(head.key_id)
    if key is None or key.node != node or key.use is not KeyUse.CHECKPOINT:
        return "the documents list no such CHECKPOINT key of the node"
    if not key.valid_at(head.at):
        return "its key was not valid at its time"
    try:
        signed = statement(head, governance.community)
    except OverflowError:
        return "a number is out of range"
    return None if verify_mldsa(key.public, head.signature, signed) else "its signature is wrong"
