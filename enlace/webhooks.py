"""Verifies that a delivery of a webhook comes from the node, and that its body was not changed. Pure."""

import hashlib
import hmac
from typing import Final

ALGORITHM: Final = "sha256="
HEADER: Final = "Enlace-Signature"


def is_signature_valid(body: bytes, signature: str | None, secret: str | bytes) -> bool:
    """Whether `signature`, the value of the header Enlace-Signature, is that of `body` under the webhook's secret.

    Compare the bytes as they came, before anything parses them. The comparison takes the same time for each wrong
    signature.
    """
    if not signature:
        return False
    expected = signature_of(body, secret)
    given = signature.strip().removeprefix(ALGORITHM).lower()
    return hmac.compare_digest(expected.encode(), given.encode("ascii", "replace"))


def signature_of(body: bytes, secret: str | bytes) -> str:
    """HMAC-SHA-256 of a body in hexadecimal (RFC 2104)."""
    key = secret.encode() if isinstance(secret, str) else secret
    return hmac.new(key, body, hashlib.sha256).hexdigest()
