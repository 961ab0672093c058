"""Steps 13 to 16: opens a verified message and returns its labels and payload.

Pure, and independent of the time. `AudienceKeys` hides the private keys. Steps 14 to 16 have the same byte in receipts;
code and detail stay in the node's own store. Step 17 is in `judge`.
"""

import hmac
from collections.abc import Callable
from typing import TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from broker.streams import intel_stream
from node.errors import Rejected
from node.limits import DAY_MS
from node.primitives import digest, expand, padded_length
from node.sharing.grants import AudienceKeys, check_lawful, own_entry
from node.stages import Grant, NotAddressed, Opened, Verified, Waiting
from node.trust.governance import Governance
from node.verification.kind_types import SealedKind
from node.verification.kinds import sealed_kind
from schemas.avro import codec
from schemas.types import ClauseReference, Labels, Record

T = TypeVar("T", bound=Record)
_LENGTH_SIZE_BYTES = 4


def open_message(
    record: Verified,
    *,
    grant: Grant | None,
    node: str,
    holds: Callable[[bytes], bool],
    audience_keys: AudienceKeys,
    governance: Governance,
) -> Opened | Waiting | NotAddressed:
    """Open `record` for `node` with the grant that its header names; raises Rejected with a code of 13 to 16."""
    if grant is None:
        return Waiting(reason="grant")
    sealing = record.header.sealing
    if sealing is None or (grant.sequence, grant.body.audience_key_id) != (sealing.grant, sealing.audience_key_id):
        raise Rejected("grant_unlawful", "the grant at that place is not the first one of this key")
    entry = own_entry(grant, node, holds)  # 13
    if isinstance(entry, NotAddressed) and not grant.complete:
        return Waiting(reason="grant")
    if isinstance(entry, (Waiting, NotAddressed)):
        return entry
    if (waiting := check_lawful(grant, entry, sealed_at=record.batch.sealed_at, governance=governance)) is not None:
        return waiting
    key = audience_keys.key(grant, entry)
    return check_labels_and_payload(
        record, open_content(record, message_key(key, record)), sealing.labels_hash, entry.clauses
    )


def message_key(audience_key: bytes, record: Verified) -> bytes:
    """The key of one message. It is enough to prove that message to a court, and opens no other."""
    batch = record.batch
    return expand(
        audience_key, "enlace/1 message key", batch.community, batch.originator, batch.stream, record.sealed.header
    )


def open_content(record: Verified, key: bytes) -> tuple[bytes, bytes]:
    """Steps 14 and 15: labels and payload as bytes."""
    content = record.sealed.content
    check_commitment(content, key)
    return decrypt(content, key)


def check_commitment(content: bytes, key: bytes) -> None:
    """Step 14: the content was sealed under this message key; compared in constant time."""
    if not hmac.compare_digest(expand(key, "enlace/1 commitment"), content[:32]):
        raise Rejected("commitment_mismatch", "the content was not sealed under this key")


def decrypt(content: bytes, key: bytes) -> tuple[bytes, bytes]:
    """Step 15: decrypt, and take labels and payload out of their frames; the padding is exact."""
    try:
        plain = AESGCM(expand(key, "enlace/1 content key")).decrypt(content[32:44], content[44:], None)
    except InvalidTag:
        raise Rejected("decryption_failed", "the tag is not valid") from None
    labels, rest = _framed(plain, 0)
    payload, used = _framed(plain, rest)
    if len(plain) != padded_length(used) or plain.count(0, used) != len(plain) - used:
        raise Rejected("decryption_failed", "the padding is not exact")
    return labels, payload


def _framed(plain: bytes, start: int) -> tuple[bytes, int]:
    begin = start + _LENGTH_SIZE_BYTES
    end = begin + int.from_bytes(plain[start:begin], "big")
    if begin > len(plain) or end > len(plain):
        raise Rejected("decryption_failed", "a frame is longer than the plaintext")
    return plain[begin:end], end


def check_labels_and_payload(
    record: Verified, content: tuple[bytes, bytes], labels_hash: bytes, clauses: tuple[ClauseReference, ...]
) -> Opened:
    """Step 16: labels and payload are lawful, and they agree with each other and with the header."""
    labels_bytes, payload = content
    if digest(labels_bytes) != labels_hash:
        raise Rejected("labels_mismatch", "the labels do not have the hash in the header")
    try:
        labels = codec.decode(Labels, labels_bytes)
    except codec.BadMessage as error:
        raise Rejected("payload_malformed", f"labels: {error.reason}") from None
    kind = sealed_kind(record.header.type, labels.kind)
    value: Record = _decode_payload(kind.payload, payload)
    if kind.check is not None:
        kind.check(value)
    if labels.created_at > record.batch.sealed_at:
        raise Rejected("labels_mismatch", "created after it was sealed")
    if not labels_agree(kind, record, labels, value):
        raise Rejected("labels_mismatch", "labels, expires_at or region contradict the payload")
    return Opened(verified=record, labels=labels, content=value, payload=payload, clauses=clauses)


def labels_agree(kind: SealedKind, record: Verified, labels: Labels, payload: Record) -> bool:
    """Whether labels, `expires_at` and stream are those that belong to the payload."""
    return (
        labels.kind in kind.label_kinds
        and (labels.retain_until + 1) * DAY_MS == record.header.expires_at
        and (kind.labels_of is None or labels == kind.labels_of(payload, labels.salt))
        and (kind.region_of is None or intel_stream(kind.region_of(payload)) == record.batch.stream)
    )


def _decode_payload(cls: type[T], payload: bytes) -> T:
    try:
        return codec.decode(cls, payload)
    except codec.UnknownSchema:
        raise Rejected("payload_schema_unknown", "the payload has a schema that this version does not know") from None
    except codec.BadMessage as error:
        raise Rejected("payload_malformed", error.reason) from None
