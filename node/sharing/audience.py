"""Makes the audience of a report and the grant that gives the audience its key ("Audience keys").

Pure. An audience is a set of recipients, each with the clauses that allow it to have a report. The random key of the
audience is wrapped once for each ENCRYPT key of each recipient. The recipient recomputes the id of the key that it
unwraps (grants.py), so two recipients cannot have different keys with the same id.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from node.primitives import expand, frame
from node.sealing import hpke
from node.sharing.grant_parts import divided
from node.trust.governance import Governance
from schemas.avro import codec
from schemas.types import ClauseReference, GrantEntry, KeyGrant

CLAUSES_IN_ENTRY_MAX = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class AudienceMember:
    """One ENCRYPT key of a recipient, and the clauses that allow the recipient. The originator needs none."""

    recipient: str
    key_id: bytes
    public: bytes
    clauses: tuple[ClauseReference, ...]


Audience = tuple[AudienceMember, ...]
"""Sorted by recipient and key id, so that equal audiences are equal tuples."""


def audience_of(
    recipients: Mapping[str, tuple[ClauseReference, ...]], *, originator: str, governance: Governance, t: int
) -> Audience:
    """The audience of `recipients` and the originator, with the keys that are valid at `t`."""
    clauses_of = {**recipients, originator: ()}
    return tuple(
        AudienceMember(
            recipient=recipient,
            key_id=key.key_id,
            public=key.public,
            clauses=codec.sorted_set(clauses_of[recipient])[:CLAUSES_IN_ENTRY_MAX],
        )
        for recipient in sorted(clauses_of)
        for key in sorted(governance.encrypt_keys(recipient, t), key=lambda key: key.key_id)
    )


def audience_key_id(key: bytes, community: bytes, originator: str) -> bytes:
    """The id of an audience key, 32 bytes. It binds the key to community and originator."""
    return expand(key, "enlace/1 audience key id", community, originator)


def wrap_info(community: bytes, originator: str, key_id: bytes, recipient: str, recipient_key: bytes) -> bytes:
    """The `info` of HPKE, which binds a wrap to its grant, recipient and ENCRYPT key."""
    return frame("enlace/1 grant", community, originator, key_id, recipient, recipient_key)


def make_grants(audience: Audience, *, key: bytes, community: bytes, originator: str, use_until: int) -> list[KeyGrant]:
    """Wrap `key` (32 bytes) for each member; a large audience needs several parts. `use_until` is in ms."""
    key_id = audience_key_id(key, community, originator)
    entries = []
    for member in audience:
        info = wrap_info(community, originator, key_id, member.recipient, member.key_id)
        wrapped = hpke.wrap(member.public, key, info)
        entries.append(
            GrantEntry(recipient=member.recipient, key_id=member.key_id, clauses=member.clauses, wrap=wrapped)
        )
    return [
        KeyGrant(audience_key_id=key_id, use_until=use_until, entries=part)
        for part in divided(codec.sorted_set(entries))
    ]
