"""What this program can read in a payload, as one digest: it changes when a code list or a payload schema changes.

A daemon compares it with the digest of its last start. If they differ, records that were refused because a code or a
schema was unknown are looked at again.
"""

import json
from hashlib import sha256

from schemas import codes, schema_files


def digest() -> bytes:
    """SHA-256, 32 bytes, over the codes of all lists and the payload schemas, those of released versions included."""
    known = {
        "codes": {name: sorted(codes.load(name).codes) for name in codes.names()},
        "schemas": [_payloads(schema_files.current()), *map(_payloads, schema_files.released().values())],
    }
    return sha256(json.dumps(known, sort_keys=True).encode()).digest()


def _payloads(definitions: schema_files.Definitions) -> dict[str, object]:
    return {name: schema_files.bare(name, definitions) for name in definitions if definitions[name]["payload"]}
