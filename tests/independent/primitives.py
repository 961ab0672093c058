"""Suite 1 for the second implementation: framing, key derivation, Merkle paths, signatures and HPKE."""

import hashlib
import hmac

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

XWING_LABEL = rb"\.//^" + b"\\"
HPKE_SUITE = b"HPKE" + bytes.fromhex("647a 0001 0002")


def digest(data: bytes) -> bytes:
    """The hash function H of the specification."""
    return hashlib.sha256(data).digest()


def frame(*items: bytes | str) -> bytes:
    """Each item after its length, concatenated."""
    raw = [item.encode("ascii") if isinstance(item, str) else item for item in items]
    return b"".join(len(item).to_bytes(4, "big") + item for item in raw)


def hkdf_expand(key: bytes, info: bytes, size: int) -> bytes:
    """HKDF-Expand of RFC 5869, 2.3."""
    out = block = b""
    while len(out) < size:
        block = hmac.digest(key, block + info + bytes([len(out) // 32 + 1]), "sha256")
        out += block
    return out[:size]


def expand(key: bytes, *items: bytes | str) -> bytes:
    """Derive 32 bytes for one purpose."""
    return hkdf_expand(key, frame(*items), 32)


def padded(size: int) -> int:
    """The padded length by Padmé, at least 1024."""
    if size <= 1024:
        return 1024
    e = size.bit_length() - 1
    step = 1 << (e - e.bit_length())
    return -(-size // step) * step


def climb(entry: bytes, index: int, size: int, path: list[bytes]) -> bytes | None:
    """The root of a tree of `size` leaves with `entry` at `index`. None if the path has the wrong length."""
    if size == 1:
        return entry if not path else None
    if not path:
        return None
    left = 1 << (size - 1).bit_length() - 1
    rest, sibling = path[:-1], path[-1]
    if index < left:
        below = climb(entry, index, left, rest)
        return below and digest(b"\1" + below + sibling)
    below = climb(entry, index - left, size - left, rest)
    return below and digest(b"\1" + sibling + below)


def tree(leaves: list[bytes]) -> bytes:
    """The Merkle tree hash of RFC 9162, 2.1.1, over leaf hashes."""
    if len(leaves) == 1:
        return leaves[0]
    left = 1 << (len(leaves) - 1).bit_length() - 1
    return digest(b"\1" + tree(leaves[:left]) + tree(leaves[left:]))


def signed(use: str, public: bytes, signature: bytes, data: bytes) -> bool:
    """Whether the signature is valid: ML-DSA-65 for CHECKPOINT keys, Ed25519 for all others."""
    try:
        if use == "CHECKPOINT":
            MLDSA65PublicKey.from_public_bytes(public).verify(signature, data)
        else:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def xwing_open(private: bytes, sent: bytes) -> bytes:
    """The shared secret of draft-connolly-cfrg-xwing-kem; `private` is ML-KEM seed (64) || X25519 (32)."""
    secret_x = X25519PrivateKey.from_private_bytes(private[64:])
    share_m = MLKEM768PrivateKey.from_seed_bytes(private[:64]).decapsulate(sent[:1088])
    share_x = secret_x.exchange(X25519PublicKey.from_public_bytes(sent[1088:]))
    public_x = secret_x.public_key().public_bytes_raw()
    return hashlib.sha3_256(share_m + share_x + sent[1088:] + public_x + XWING_LABEL).digest()


def hpke_open(private: bytes, wrap: bytes, info: bytes) -> bytes | None:
    """HPKE base mode, single shot, empty AAD (RFC 9180, 5.1 and 6.1). None if it does not open."""

    def extract(salt: bytes, label: bytes, material: bytes) -> bytes:
        return hmac.digest(salt or bytes(32), b"HPKE-v1" + HPKE_SUITE + label + material, "sha256")

    def labelled(secret: bytes, label: bytes, context: bytes, size: int) -> bytes:
        return hkdf_expand(secret, size.to_bytes(2, "big") + b"HPKE-v1" + HPKE_SUITE + label + context, size)

    try:
        shared = xwing_open(private, wrap[:1120])
        context = b"\0" + extract(b"", b"psk_id_hash", b"") + extract(b"", b"info_hash", info)
        secret = extract(shared, b"secret", b"")
        key, nonce = labelled(secret, b"key", context, 32), labelled(secret, b"base_nonce", context, 12)
        return AESGCM(key).decrypt(nonce, wrap[1120:], None)
    except (InvalidTag, ValueError):
        return None
