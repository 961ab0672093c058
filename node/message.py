"""The bytes that every rule speaks about: hashing, framing, key expansion, limits, and the stage types.

Pure. Nothing here verifies, seals or opens; it gives those modules their common vocabulary.
Section names refer to docs/wire-format.md.
"""

import hmac
from dataclasses import dataclass
from hashlib import sha256
from struct import Struct
from typing import Final

from schemas.types import (
    Batch,
    ClauseReference,
    Header,
    IntelligenceReport,
    KeyGrant,
    Labels,
    MessageType,
    Receipt,
    SealedMessage,
)

RECORD_SIZE_BYTES_MAX: Final = 256 * 1024  # step 1; Kafka's max.message.bytes is 1 MiB, so a record always fits
PATH_SIZE_BYTES_MAX: Final = 320  # ten hashes: a tree of 1024 leaves
HEADER_SIZE_BYTES_MAX: Final = 8 * 1024
BATCH_SIZE_BYTES_MAX: Final = 1024
BATCH_LEAVES_MAX: Final = 1024
PLAINTEXT_SIZE_BYTES_MIN: Final = 1024  # shorter plaintexts are padded: length tells nothing of a short report
PLAINTEXT_SIZE_BYTES_MAX: Final = 258_048  # keeps a record under RECORD_SIZE_BYTES_MAX
CONTENT_OVERHEAD_BYTES: Final = 60  # commitment 32, nonce 12, tag 16
CLOCK_SKEW_MS_MAX: Final = 5 * 60 * 1000  # step 11: sealed_at at most this far after the node's clock
AUDIENCE_KEY_LIFE_MS_MAX: Final = 24 * 60 * 60 * 1000
DAY_MS: Final = 24 * 60 * 60 * 1000
SUITE: Final = 1  # Ed25519, SHA-256, AES-256-GCM, ML-DSA-65, HPKE MLKEM768-X25519; a closed table
ZERO_HASH: Final = bytes(32)
REGISTRY: Final = "REGISTRY"
_length: Final = Struct(">I").pack
GOVERNANCE_IN_FILES: Final = 0  # the state that a batch names while documents are installed as files


def digest(data: bytes) -> bytes:
    """H(x): SHA-256, 32 bytes."""
    return sha256(data).digest()


def frame(*items: bytes | str) -> bytes:
    """Each item as 4 bytes of big-endian length and its bytes; text is ASCII ("Conventions")."""
    out = []
    for item in items:
        data = item.encode("ascii") if isinstance(item, str) else item
        out.append(_length(len(data)))
        out.append(data)
    return b"".join(out)


def expand(key: bytes, *items: bytes | str) -> bytes:
    """HKDF-Expand (RFC 5869, 2.3) with SHA-256 to 32 bytes; info is `frame(*items)`. One block, so one HMAC."""
    return hmac.digest(key, frame(*items) + b"\x01", "sha256")


def padded_length(length: int) -> int:
    """Padmé from 1024 upwards: how many bytes a plaintext of `length` bytes occupies ("Sealing")."""
    if length <= PLAINTEXT_SIZE_BYTES_MIN:
        return PLAINTEXT_SIZE_BYTES_MIN
    exponent = length.bit_length() - 1
    low_bits = exponent - exponent.bit_length()
    mask = (1 << low_bits) - 1
    return (length + mask) & ~mask


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a record was found: a hint that verification holds against the signed content."""

    stream: str
    originator: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A record past steps 1 to 7. Made by `verify` only."""

    value: bytes
    sealed: SealedMessage
    batch: Batch
    batch_hash: bytes
    header: Header
    body: KeyGrant | None
    """The decoded grant, of a KEY_GRANT; open types but this and RECEIPT are checked and not acted on yet."""

    receipt: Receipt | None = None
    """The decoded receipt, of a RECEIPT."""

    @property
    def sequence(self) -> int:
        """Sequence of this message in its stream, from 1."""
        return self.batch.first_sequence + self.sealed.index

    @property
    def is_sealed_type(self) -> bool:
        """Whether the content is encrypted (MESSAGE, RECALL)."""
        return self.header.type in (MessageType.MESSAGE, MessageType.RECALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A message past steps 13 to 16: decrypted, labels and payload known to agree."""

    verified: Verified
    labels: Labels
    report: IntelligenceReport | None
    """None of a RECALL."""

    payload: bytes
    clauses: tuple[ClauseReference, ...]
    """The clauses that the own grant entry names; none for the originator itself."""
