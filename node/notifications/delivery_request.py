"""The request that a webhook gets for a message: its body and its headers. Pure.

`Enlace-Signature` is `sha256=` and the HMAC-SHA-256 of the body's bytes under the secret, in lower-case hexadecimal.
The body has the time of the attempt in `sent_at`, so a receiver can refuse a request that somebody recorded and sends
again. `event_id` is the same in each attempt: a receiver that has it already answers 200 and does nothing.
"""

import hmac
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

import msgspec

from schemas.formats import time_text

SIGNATURE: Final = "Enlace-Signature"
EVENT_ID: Final = "Enlace-Event-Id"
AGENT: Final = "enlace-webhook"


def body_of(item: Mapping[str, Any], *, attempt: int, now: int) -> bytes:
    """The body: a message as the stream shows it, with what concerns this attempt."""
    event = {"event": "message", "event_id": item["message_id"], "attempt": attempt, "sent_at": time_text(now)}
    return msgspec.json.encode({**event, **item})


def signature(body: bytes, secret: bytes) -> str:
    """The value of `Enlace-Signature`."""
    return f"sha256={hmac.new(secret, body, sha256).hexdigest()}"


def headers_of(body: bytes, secret: bytes, event_id: str, host: str) -> list[tuple[str, str]]:
    """The headers of the request."""
    return [
        ("Host", host),
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        ("User-Agent", AGENT),
        (EVENT_ID, event_id),
        (SIGNATURE, signature(body, secret)),
    ]
