"""Several NODE documents of one version: what they revoke together ("Governance").

Pure. A version that only revokes keys may need one trustee alone, and two trustees may answer one theft without knowing
of each other. So such a version excludes no other document of its version, and all of them count:

- a key has the lowest `until` that one of them lists, and the gravest reason: COMPROMISED before SUPERSEDED;
- the version after them keeps what all of them list.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from msgspec import structs

from node.trust.document_versions import NodeVersion, listed_key
from schemas.avro.codec import sorted_set
from schemas.types import Key, KeyReason

_GRAVEST: Final = (KeyReason.NONE, KeyReason.SUPERSEDED, KeyReason.COMPROMISED)


def together(version: NodeVersion, versions: Sequence[NodeVersion]) -> NodeVersion:
    """The version with the keys of all documents among `versions` that have its number."""
    same = [other for other in versions if other.document.version == version.document.version]
    if len(same) == 1:
        return version
    keys: dict[bytes, Key] = {}
    for key in (key for other in same for key in other.body.keys):
        key_id = listed_key(version.document.id, key).key_id
        keys[key_id] = _stricter(keys[key_id], key) if key_id in keys else key
    return replace(version, body=structs.replace(version.body, keys=sorted_set(keys.values())))


def _stricter(one: Key, other: Key) -> Key:
    ends = [key.until for key in (one, other) if key.until is not None]
    reason = max(one.reason, other.reason, key=_GRAVEST.index)
    return structs.replace(one, until=min(ends, default=None), reason=reason)
