"""The rule of idempotency keys: a request that is repeated with its key gets the answer that it got before. Pure.

- A key belongs to the integrator that sent it. Two integrators may use the same key.
- The same key with another body is refused: the caller would take the old answer for that of the new report.
- An answer is kept if the report is accepted or a duplicate. A refusal wrote nothing and is not kept, so a corrected
  report may have the key of the refused one.
"""

from dataclasses import dataclass
from typing import Final

from node.errors import Refused, UsageError
from node.outgoing.kept_answers import KeptAnswer
from node.primitives import digest

KEY_LENGTH_MAX: Final = 128  # a UUID has 36 characters
KEPT_OUTCOMES: Final = frozenset({"accepted", "duplicate"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestKey:
    """The key of a request, and the digest of its body. Made by `request_key`."""

    key: str
    body_digest: bytes


def request_key(text: str | None, body: bytes) -> RequestKey | None:
    """The key of a request with this body; None if the request has none. Raises UsageError for a malformed key."""
    if text is None:
        return None
    if not 0 < len(text) <= KEY_LENGTH_MAX or any(not "!" <= character <= "~" for character in text):
        raise UsageError(
            "idempotency_key_invalid",
            f"a key is 1 to {KEY_LENGTH_MAX} visible ASCII characters without spaces",
            path="Idempotency-Key",
            hint="send a new UUID for each report, and the same one when you repeat the request",
        )
    return RequestKey(key=text, body_digest=digest(body))


def repeated(kept: KeptAnswer, asked: RequestKey) -> KeptAnswer:
    """The answer that was kept, if it was given for the same body. Raises Refused `idempotency_key_reused`."""
    if kept.body_digest != asked.body_digest:
        raise Refused(
            "idempotency_key_reused",
            "this key was used for a request with another body",
            path="Idempotency-Key",
            hint="send a new key for each report; repeat a key only with the same body",
        )
    return kept
