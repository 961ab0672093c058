"""Parses options that several commands have; each function raises UsageError that names the option."""

import base64
import re
from typing import Final

from node.errors import UsageError
from schemas.excerpts import excerpt

HASH_SIZE_BYTES: Final = 32
BUS_URL: Final = re.compile(r"sqlite:///.+|kafka://[^/,:]+:[0-9]+(,[^/,:]+:[0-9]+)*")


def hash_of(text: str | None) -> bytes | None:
    """The value of `--community`."""
    if text is None:
        return None
    try:
        value = base64.b64decode(text, validate=True)
    except ValueError:
        value = b""
    if len(value) != HASH_SIZE_BYTES:
        raise UsageError("value_invalid", "a community is the base64 of 32 bytes", path="--community")
    return value


def bus_url(text: str) -> str:
    """The value of `--bus`; whether the bus answers is not checked."""
    if not BUS_URL.fullmatch(text):
        message = f"{excerpt(text)} is not an address of a bus"
        raise UsageError("bus_url_unknown", message, path="--bus", hint="sqlite:///FILE or kafka://HOST:PORT,…")
    return text
