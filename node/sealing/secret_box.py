"""Encrypts a short secret for the node itself: AES-256-GCM under a key that is kept outside the store.

The ciphertext is bound to a context, such as the id of the row that holds it, so that it opens nowhere else.
"""

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_SIZE_BYTES: Final = 32
NONCE_SIZE_BYTES: Final = 12


def close(key: bytes, secret: bytes, context: bytes, nonce: bytes) -> bytes:
    """The nonce and the ciphertext of `secret`. A nonce of NONCE_SIZE_BYTES random bytes is used once."""
    return nonce + AESGCM(key).encrypt(nonce, secret, context)


def open_box(key: bytes, box: bytes, context: bytes) -> bytes | None:
    """The secret; None if the box was made with another key or for another context, or was changed."""
    try:
        return AESGCM(key).decrypt(box[:NONCE_SIZE_BYTES], box[NONCE_SIZE_BYTES:], context)
    except (InvalidTag, ValueError):
        return None
