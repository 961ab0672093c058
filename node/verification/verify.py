"""Verifies one record alone, steps 1 to 7 and 11. Node, auditor and originator use the same function.

Pure. Arguments are the bytes, the place where they were found, and governance; the result is `Verified`, which no other
module makes. The numbers are the steps of docs/wire-format.md ("Verification, in this order") and of the table in
`steps`. A failure raises `Rejected` with a code of its step. Before the signature is verified, only SealedMessage and
Batch are decoded, which are flat and have no arrays.

  1. size, framing, path                     5. index and Merkle path
  2. batch canonical, community, place       6. content has its hash
  3. suite, governance, key and its use      7. header, and the body of an open type
  4. signature over the batch               11. key and NODE document valid at t
"""

from dataclasses import dataclass

from broker.streams import GOVERNANCE, REGISTRY
from node.errors import Rejected
from node.limits import (
    BATCH_LEAVES_MAX,
    BATCH_SIZE_BYTES_MAX,
    GOVERNANCE_IN_FILES,
    PATH_SIZE_BYTES_MAX,
    RECORD_SIZE_BYTES_MAX,
    SUITE,
)
from node.primitives import ZERO_HASH, digest, frame
from node.sealing import merkle, public_keys
from node.stages import StreamId, Verified
from node.trust.document_versions import ListedKey
from node.trust.governance import Governance
from node.verification.headers import check_header
from node.verification.kinds import OPEN_KINDS, is_stream
from node.verification.open_types import check_body
from node.verification.signature_memory import SignatureMemory
from schemas.avro import codec
from schemas.types import Batch, KeyGrant, KeyUse, Receipt, SealedMessage

SEQUENCE_MAX = 2**62  # sums of sequence and size stay inside a long


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldForGovernance:
    """Step 3 cannot be decided, as the batch names a governance state that is not here. The record takes no place."""

    governance: int


def verify(
    value: bytes, *, place: StreamId, governance: Governance, memory: SignatureMemory
) -> Verified | HeldForGovernance:
    """Steps 1 to 7 for a record found at `place`.

    Returns `Verified`, or `HeldForGovernance` if step 3 has to wait. Raises Rejected with the code of the step.
    """
    sealed = check_framing(value)
    memory_key = digest(frame(sealed.batch, sealed.signature))
    batch = memory.get(memory_key)
    if batch is None:
        batch = check_batch(sealed.batch, place, governance.community)
        check_suite(batch)  # 3
        if batch.governance != GOVERNANCE_IN_FILES and batch.originator != REGISTRY:
            check_before_holding(sealed, batch, governance)
            return HeldForGovernance(governance=batch.governance)
        check_signature(sealed, check_sealing_key(batch, governance))
        memory.put(memory_key, batch)
    else:
        check_place(batch, place)
        check_sealing_key(batch, governance)
    header_hash = digest(sealed.header)
    check_path(sealed, batch, header_hash)
    check_content(sealed)
    header = check_header(sealed, batch)
    body = None
    if header.sealing is None:
        body = check_body(OPEN_KINDS[batch.stream].read, sealed.content, batch, governance)
    return Verified(
        value=value,
        sealed=sealed,
        batch=batch,
        batch_hash=digest(sealed.batch),
        header=header,
        grant=body if isinstance(body, KeyGrant) else None,
        receipt=body if isinstance(body, Receipt) else None,
    )


def check_key_validity(record: Verified, governance: Governance, t: int) -> None:
    """Step 11 without the clock: key and NODE document are valid at `t`, in ms. Raises Rejected `key_not_valid`."""
    batch = record.batch
    key = governance.key(batch.key_id)
    if key is None or not key.valid_at(t):
        raise Rejected("key_not_valid", "the key was not valid at that time")
    document = governance.node_at(batch.originator, t)
    if batch.originator != REGISTRY and (document is None or not document.valid_at(t)):
        raise Rejected("key_not_valid", f"the NODE document of {batch.originator} was not valid at that time")


def check_framing(value: bytes) -> SealedMessage:
    """Step 1: size, framing and the length of the path."""
    if len(value) > RECORD_SIZE_BYTES_MAX:  # 1
        raise Rejected("record_too_large", f"{len(value)} bytes exceed {RECORD_SIZE_BYTES_MAX}")
    try:
        sealed = codec.decode(SealedMessage, value)
    except codec.BadMessage as error:
        raise Rejected("framing_invalid", error.reason) from None
    if len(sealed.path) % merkle.HASH_SIZE_BYTES or len(sealed.path) > PATH_SIZE_BYTES_MAX:
        raise Rejected("framing_invalid", f"a path of {len(sealed.path)} bytes is not one of up to ten hashes")
    return sealed


def check_batch(data: bytes, place: StreamId, community: bytes) -> Batch:
    """Step 2: the batch is canonical, its numbers are in range, and it belongs to this community and place."""
    if len(data) > BATCH_SIZE_BYTES_MAX:  # 2
        raise Rejected("batch_malformed", f"{len(data)} bytes exceed {BATCH_SIZE_BYTES_MAX}")
    try:
        batch = codec.decode(Batch, data)
    except codec.BadMessage as error:
        raise Rejected("batch_malformed", error.reason) from None
    if not 1 <= batch.size <= BATCH_LEAVES_MAX or not 1 <= batch.first_sequence <= SEQUENCE_MAX:
        raise Rejected("batch_malformed", "size or first_sequence is out of range")
    if (batch.previous == ZERO_HASH) != (batch.first_sequence == 1):
        raise Rejected("batch_malformed", "previous is zero exactly in the first batch of a stream")
    if not is_stream(batch.stream):
        raise Rejected("batch_malformed", "this version does not know the stream")
    if batch.stream == GOVERNANCE and batch.governance != batch.first_sequence - 1:
        raise Rejected("batch_malformed", "a record of governance names the record before it as its state")
    if batch.community != community:
        raise Rejected("community_mismatch", "the batch belongs to another community")
    check_place(batch, place)
    return batch


def check_place(batch: Batch, place: StreamId) -> None:
    """The end of step 2: the record was found in the stream of the originator that signed it."""
    if (batch.stream, batch.originator) != (place.stream, place.originator):
        raise Rejected("stream_mismatch", f"signed for {batch.stream} of {batch.originator}, found elsewhere")


def check_suite(batch: Batch) -> None:
    """The beginning of step 3: this version knows the suite."""
    if batch.suite != SUITE:
        raise Rejected("suite_unknown", f"suite {batch.suite} is not in the table")


def check_before_holding(sealed: SealedMessage, batch: Batch, governance: Governance) -> None:
    """Step 3 for a batch that names a governance state that is not here.

    A key id binds node and use, so no governance state can make another node's key right. Such a batch is refused at
    once, so that a forger cannot fill the store with held records.
    """
    if (key := governance.key(batch.key_id)) is not None:
        check_key_use(key, batch)
        check_signature(sealed, key)


def check_sealing_key(batch: Batch, governance: Governance) -> ListedKey:
    """The rest of step 3: a document lists the key, and its node may write this stream."""
    key = governance.key(batch.key_id)
    if key is None:
        raise Rejected("key_unknown", "no document here lists the key")
    check_key_use(key, batch)
    if not governance.may_write(batch.originator, batch.stream, batch.sealed_at):
        raise Rejected("key_use_wrong", f"the document of {batch.originator} does not list the stream {batch.stream}")
    return key


def check_key_use(key: ListedKey, batch: Batch) -> None:
    """The key is a SEAL key of the originator (step 3)."""
    if key.node != batch.originator or key.use is not KeyUse.SEAL:
        raise Rejected("key_use_wrong", f"the key is not a SEAL key of {batch.originator}")


def check_signature(sealed: SealedMessage, key: ListedKey) -> None:
    """Step 4: the signature over the batch is valid under `key`."""
    if not public_keys.verify_ed25519(key.public, sealed.signature, frame("enlace/1 batch", sealed.batch)):  # 4
        raise Rejected("signature_invalid", "the signature over the batch is not valid")


def check_path(sealed: SealedMessage, batch: Batch, header_hash: bytes) -> None:
    """Step 5: the index is below the batch's size, and the Merkle path leads from this leaf to the signed root."""
    leaf = merkle.leaf_hash(header_hash, sealed.content_hash)
    if not merkle.path_is_valid(  # 5
        leaf=leaf, index=sealed.index, size=batch.size, path=sealed.path, root=batch.root
    ):
        raise Rejected("path_invalid", "the path does not lead to the root that was signed")


def check_content(sealed: SealedMessage) -> None:
    """Step 6: the content is not empty and has the hash that was signed."""
    if not sealed.content or digest(sealed.content) != sealed.content_hash:  # 6
        raise Rejected("content_mismatch", "the content does not have the hash that was signed")
