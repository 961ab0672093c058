"""Wraps an audience key for one recipient with HPKE: base mode, single shot, MLKEM768-X25519.

Encoding only ("Suite", "Audience keys"). sharing/audience.py decides which key is wrapped for whom, and the `info`.

    public  = ML-KEM (1184) || X25519 (32)          private = ML-KEM seed (64) || X25519 (32)
    wrap    = ML-KEM (1088) || X25519 (32) || sealed key (48)
"""

from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from node.sealing.public_keys import MLKEM_PUBLIC_SIZE_BYTES

AUDIENCE_KEY_SIZE_BYTES: Final = 32
WRAP_SIZE_BYTES: Final = 1168
MLKEM_SEED_SIZE_BYTES: Final = 64
PRIVATE_SIZE_BYTES: Final = MLKEM_SEED_SIZE_BYTES + 32
_SUITE: Final = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)

EncryptPrivateKey = MLKEM768X25519PrivateKey


class WrapFailed(Exception):
    """The wrap does not open under this key and info. All causes give this one error, without a reason."""


@lru_cache(1024)  # the recipients' ENCRYPT keys: members times generations
def _load_public(public: bytes) -> MLKEM768X25519PublicKey:
    mlkem = MLKEM768PublicKey.from_public_bytes(public[:MLKEM_PUBLIC_SIZE_BYTES])
    return MLKEM768X25519PublicKey(mlkem, X25519PublicKey.from_public_bytes(public[MLKEM_PUBLIC_SIZE_BYTES:]))


def load_private(private: bytes) -> EncryptPrivateKey:
    """Load a private key of 96 bytes. ValueError for another length."""
    if len(private) != PRIVATE_SIZE_BYTES:
        raise ValueError(f"a private ENCRYPT key has {PRIVATE_SIZE_BYTES} bytes, not {len(private)}")
    mlkem = MLKEM768PrivateKey.from_seed_bytes(private[:MLKEM_SEED_SIZE_BYTES])
    return MLKEM768X25519PrivateKey(mlkem, X25519PrivateKey.from_private_bytes(private[MLKEM_SEED_SIZE_BYTES:]))


def public_of(private: bytes) -> bytes:
    """The public key (1216 bytes) of a private key (96 bytes)."""
    mlkem = MLKEM768PrivateKey.from_seed_bytes(private[:MLKEM_SEED_SIZE_BYTES]).public_key()
    x25519 = X25519PrivateKey.from_private_bytes(private[MLKEM_SEED_SIZE_BYTES:]).public_key()
    return mlkem.public_bytes_raw() + x25519.public_bytes_raw()


def wrap(public: bytes, audience_key: bytes, info: bytes) -> bytes:
    """Wrap `audience_key` for the ENCRYPT key `public`, which has passed `check_public`. Returns 1168 bytes."""
    if len(audience_key) != AUDIENCE_KEY_SIZE_BYTES:
        raise ValueError(f"an audience key has {AUDIENCE_KEY_SIZE_BYTES} bytes")
    return _SUITE.encrypt(audience_key, _load_public(public), info)


def unwrap(private: EncryptPrivateKey, wrapped: bytes, info: bytes) -> bytes:
    """The wrapped key, or WrapFailed. The caller compares the id of the key."""
    if len(wrapped) != WRAP_SIZE_BYTES:
        raise WrapFailed
    try:
        # An X25519 share of low order gives ValueError, every other error InvalidTag.
        return _SUITE.decrypt(wrapped, private, info)
    except (InvalidTag, ValueError):
        raise WrapFailed from None
