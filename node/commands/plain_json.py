"""The values of an answer as plain JSON data, for whoever writes one: command line, report files.

Pure. Times become RFC 3339 UTC, ids UUID text, other bytes base64, a report the JSON of the contract.
"""

import base64
from typing import Any, Final
from uuid import UUID

from schemas.formats import time_text
from schemas.types import Record

_TIMES: Final = ("created_at", "received_at", "since", "noted_at", "found_at")
_IDS: Final = ("message_id",)


def presentable(value: Any, key: str = "") -> Any:
    """`value` as plain JSON data; `key` is the name under which it stands."""
    match value:
        case dict():
            return {name: presentable(one, str(name)) for name, one in value.items()}
        case list() | tuple():
            return [presentable(one, key) for one in value]
        case bytes():
            return str(UUID(bytes=value)) if key in _IDS else base64.b64encode(value).decode()
        case bool():
            return value
        case int() if key in _TIMES:
            return time_text(value)
        case Record():
            from schemas.json_form import json_values

            return json_values.to_json(value)
    return value
