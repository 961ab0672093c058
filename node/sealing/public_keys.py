"""Public keys of the four uses: how they are checked, their ids, and the verification of signatures.

Pure. Private keys are in private_keys.py, wrapping is in hpke.py, and governance.py knows which key may do what.
Rules ("Suite", "Governance"):

- there is one suite: SEAL and AGREE are Ed25519 (32 bytes), CHECKPOINT is ML-DSA-65 (1952), ENCRYPT is ML-KEM-768
  (1184) || X25519 (32); every other suite and length is refused;
- an Ed25519 key is canonical, it is not one of the 14 encodings of points of small order, and [L]A is the identity;
- an ENCRYPT key must load, and its X25519 half must not be of low order, because nothing can be wrapped for it;
- a key is checked at registration and at each load of a document; the result is cached in the process.
"""

from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from node.errors import EnlaceError
from node.limits import SUITE
from node.primitives import digest, frame
from node.sealing import edwards25519
from schemas.types import KeyUse

MLKEM_PUBLIC_SIZE_BYTES: Final = 1184
ED25519_SIGNATURE_SIZE_BYTES: Final = 64
MLDSA_SIGNATURE_SIZE_BYTES: Final = 3309
PUBLIC_SIZE_BYTES: Final[dict[KeyUse, int]] = {
    KeyUse.SEAL: 32,
    KeyUse.AGREE: 32,
    KeyUse.CHECKPOINT: 1952,
    KeyUse.ENCRYPT: MLKEM_PUBLIC_SIZE_BYTES + 32,
}
SIGNING_USES: Final = (KeyUse.SEAL, KeyUse.AGREE, KeyUse.CHECKPOINT)
KEYS_REMEMBERED_MAX: Final = 2048  # 64 members, four uses, several generations; a few KB each

SMALL_ORDER: Final = frozenset(
    bytes.fromhex(text)
    for text in (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    )
)
_PROBE: Final = X25519PrivateKey.from_private_bytes(bytes(range(32)))  # not a secret: it only detects keys of low order


class BadKey(EnlaceError):
    """A public key that must not be used. `code` is `key_suite`, `key_length` or `key_unsafe`."""


def key_id(node: str, use: KeyUse, suite: int, public: bytes) -> bytes:
    """H(frame("enlace/1 key", node, use, suite, public)); `node` is the id of the holder."""
    return digest(frame("enlace/1 key", node, use.value, suite.to_bytes(4, "big"), public))


def check_public(use: KeyUse, suite: int, public: bytes) -> None:
    """Raise BadKey unless `public` may be registered for `use`."""
    if suite != SUITE:
        raise BadKey("key_suite", f"suite {suite} is not in the table of suites", hint=f"use suite {SUITE}")
    if len(public) != PUBLIC_SIZE_BYTES[use]:
        raise BadKey("key_length", f"a key of use {use} has {PUBLIC_SIZE_BYTES[use]} bytes, not {len(public)}")
    if use is KeyUse.ENCRYPT:
        fault = _encrypt_fault(public)
    elif use is KeyUse.CHECKPOINT:
        fault = _checkpoint_fault(public)
    else:
        fault = _ed25519_fault(public)
    if fault:
        raise BadKey("key_unsafe", f"the key of use {use} {fault}")


@lru_cache(KEYS_REMEMBERED_MAX)
def _ed25519_fault(public: bytes) -> str | None:
    if public in SMALL_ORDER:
        return "is a point of small order"
    point = edwards25519.decode(public)
    if point is None:
        return "is not the canonical encoding of a point"
    if not edwards25519.is_identity(edwards25519.multiply(edwards25519.L, point)):
        return "is outside the subgroup of prime order"
    return None


@lru_cache(KEYS_REMEMBERED_MAX)
def _checkpoint_fault(public: bytes) -> str | None:
    try:
        MLDSA65PublicKey.from_public_bytes(public)
    except ValueError as error:
        return f"does not load: {error}"
    return None


@lru_cache(KEYS_REMEMBERED_MAX)
def _encrypt_fault(public: bytes) -> str | None:
    try:
        MLKEM768PublicKey.from_public_bytes(public[:MLKEM_PUBLIC_SIZE_BYTES])
        _PROBE.exchange(X25519PublicKey.from_public_bytes(public[MLKEM_PUBLIC_SIZE_BYTES:]))
    except ValueError as error:
        return f"does not load or has an X25519 half of low order: {error}"
    return None


@lru_cache(KEYS_REMEMBERED_MAX)
def _load_ed25519(public: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(public)


@lru_cache(KEYS_REMEMBERED_MAX)
def _load_mldsa(public: bytes) -> MLDSA65PublicKey:
    return MLDSA65PublicKey.from_public_bytes(public)


def verify_ed25519(public: bytes, signature: bytes, data: bytes) -> bool:
    """Whether the Ed25519 signature is valid. `public` has passed check_public.

    The equation is checked without the cofactor, with S < L, and R is compared as bytes.
    """
    if len(signature) != ED25519_SIGNATURE_SIZE_BYTES:
        return False
    try:
        _load_ed25519(public).verify(signature, data)
    except InvalidSignature:
        return False
    return True


def verify_mldsa(public: bytes, signature: bytes, data: bytes) -> bool:
    """Whether the ML-DSA-65 signature is valid with empty context. `public` has passed check_public."""
    if len(signature) != MLDSA_SIGNATURE_SIZE_BYTES:
        return False
    try:
        _load_mldsa(public).verify(signature, data)
    except InvalidSignature:
        return False
    return True


def verify(use: KeyUse, public: bytes, signature: bytes, data: bytes) -> bool:
    """Whether the signature is valid under a key of this use. An ENCRYPT key verifies nothing."""
    if use is KeyUse.ENCRYPT:
        return False
    return (verify_mldsa if use is KeyUse.CHECKPOINT else verify_ed25519)(public, signature, data)
