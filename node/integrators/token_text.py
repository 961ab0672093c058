"""The text of a token: how it is made, read and compared. Pure.

    enlace_ 0123456789ab _ <64 hex digits> <8 hex digits>
    prefix  id             secret           checksum

- The prefix is fixed, so that scanners for secrets find a token in a repository or a log.
- The id is public: lists and the access log name it, and the row is found by it.
- The secret has 256 random bits, so one SHA-256 is enough to keep it: nobody can try 2^256 values. A slow hash, which
  passwords need, would only make each request slow.
- The checksum finds a text that was cut or mistyped, before the database is asked. It protects nothing.
"""

import hashlib
import hmac
import re
import zlib
from dataclasses import dataclass, field
from typing import Final

PREFIX: Final = "enlace_"
ID_SIZE_BYTES: Final = 6
SECRET_SIZE_BYTES: Final = 32
ID_FORM: Final = re.compile(r"[0-9a-f]{12}")
_FORM: Final = re.compile(r"enlace_([0-9a-f]{12})_([0-9a-f]{64})([0-9a-f]{8})", re.ASCII)
_DOMAIN: Final = b"enlace token 1\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentedToken:
    """A token that a caller sent; its form is right, and nothing else is known of it."""

    id: str
    secret: bytes = field(repr=False)


def token_text(token_id: bytes, secret: bytes) -> str:
    """The text that the integrator gets."""
    if (len(token_id), len(secret)) != (ID_SIZE_BYTES, SECRET_SIZE_BYTES):
        raise ValueError("id and secret have fixed sizes")
    body = f"{PREFIX}{token_id.hex()}_{secret.hex()}"
    return body + _checksum(body)


def read_token(text: str) -> PresentedToken | None:
    """The parts of a token; None if the text is not a token."""
    found = _FORM.fullmatch(text)
    if found is None or _checksum(text[: -len(found[3])]) != found[3]:
        return None
    return PresentedToken(id=found[1], secret=bytes.fromhex(found[2]))


def digest_of(token_id: str, secret: bytes) -> bytes:
    """What the database keeps instead of the secret."""
    return hashlib.sha256(_DOMAIN + token_id.encode("ascii") + secret).digest()


def is_secret_of(presented: PresentedToken, digest: bytes | None) -> bool:
    """Whether the secret belongs to `digest`, in a time that does not depend on it; False for None."""
    wanted = bytes(32) if digest is None else digest
    return hmac.compare_digest(digest_of(presented.id, presented.secret), wanted) and digest is not None


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode('ascii')):08x}"
