"""Hashing, framing, key expansion and padding: the byte operations that sealing and verification share.

Pure. Section names refer to docs/wire-format.md.
"""

import hmac
from hashlib import sha256
from struct import Struct
from typing import Final

from node.limits import PLAINTEXT_SIZE_BYTES_MIN

ZERO_HASH: Final = bytes(32)
_length: Final = Struct(">I").pack


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
