"""Derives report ids: the same content, or the same row of a file, gets the same id. Pure.

The canonical content is the normalised report as JSON with sorted keys, without report_id, region and created_at. So
the same content has the same id on any day and in any region.
"""

import json
from collections.abc import Mapping
from hashlib import sha1
from typing import Final
from uuid import UUID

from schemas.json_form import json_values
from schemas.types import IntelligenceReport

# Of this project. If it changed, equal reports would get other ids.
REPORT_ID_NAMESPACE: Final = UUID("6f1d0f2e-3a64-5c1b-9d0e-5b7a4c2e8f10")
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def canonical_content(report: IntelligenceReport) -> str:
    """The content by which two reports are the same, as JSON with sorted keys and without spaces."""
    fields = json_values.to_json(report)
    for name in ("report_id", "region", "created_at"):
        del fields[name]
    return _ENCODER.encode(fields)


def report_id_of_content(originator: str, content: str) -> str:
    """The report id of a report without one: UUIDv5 of originator and canonical content."""
    return _uuid5(f"{originator}\n{content}")


def report_id_of_key(originator: str, mapping: str, columns: Mapping[str, str]) -> str:
    """The report id of an imported row: UUIDv5 of originator, mapping id and key columns."""
    key = _ENCODER.encode(columns)
    return _uuid5(f"{originator}\n{mapping}\n{key}")


def _uuid5(name: str) -> str:
    """UUIDv5 (RFC 9562) of the name in the namespace of this project, as `uuid.uuid5` but in a quarter of its time."""
    data = bytearray(sha1(REPORT_ID_NAMESPACE.bytes + name.encode(), usedforsecurity=False).digest()[:16])
    data[6] = data[6] & 0x0F | 0x50
    data[8] = data[8] & 0x3F | 0x80
    text = data.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
