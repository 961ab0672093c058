"""Makes the grant that gives an audience its key, and checks whether a grant is lawful ("Audience keys").

Pure. An audience is a set of recipients, each with the clauses that allow it to have a report. The random key of the
audience is wrapped once for each ENCRYPT key of each recipient. The recipient recomputes the id of the key that it
unwraps, so two recipients cannot have different keys with the same id. Recipient and auditor use the same check of a
grant (step 13).
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from node.errors import Rejected
from node.limits import AUDIENCE_KEY_LIFE_MS_MAX
from node.primitives import expand, frame
from node.sealing import hpke
from node.stages import Grant, NotAddressed, Waiting
from node.trust.document_versions import ListedKey
from node.trust.governance import Governance
from schemas.avro import codec
from schemas.types import ClauseReference, GrantEntry, KeyGrant, KeyUse

CLAUSES_IN_ENTRY_MAX = 8
AUDIENCE_KEYS_REMEMBERED_MAX = 8192


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


def _info(community: bytes, originator: str, key_id: bytes, recipient: str, recipient_key: bytes) -> bytes:
    return frame("enlace/1 grant", community, originator, key_id, recipient, recipient_key)


def make_grant(audience: Audience, *, key: bytes, community: bytes, originator: str, use_until: int) -> KeyGrant:
    """Wrap `key` (32 bytes) for each member. `use_until` is in ms."""
    key_id = audience_key_id(key, community, originator)
    entries = [
        GrantEntry(
            recipient=member.recipient,
            key_id=member.key_id,
            clauses=member.clauses,
            wrap=hpke.wrap(member.public, key, _info(community, originator, key_id, member.recipient, member.key_id)),
        )
        for member in audience
    ]
    return KeyGrant(audience_key_id=key_id, use_until=use_until, entries=codec.sorted_set(entries))


def own_entry(grant: Grant, node: str, holds: Callable[[bytes], bool]) -> GrantEntry | Waiting | NotAddressed:
    """The last entry for `node` whose private key is here; `holds(key_id)` says whether it is."""
    own = [entry for entry in grant.body.entries if entry.recipient == node]
    if not own:
        return NotAddressed()
    held = [entry for entry in own if holds(entry.key_id)]
    return held[-1] if held else Waiting(reason="private_key")


def check_entry(grant: Grant, entry: GrantEntry, governance: Governance) -> ListedKey | None:
    """Check what needs no agreement. Rejected `grant_unlawful` if `entry` is unlawful for every message.

    Returns the key of the recipient, or None if no document here lists it. Step 7 has checked that the entry names
    clauses, and that an entry of the originator names none (verification/open_types.py).
    """
    key = governance.key(entry.key_id)
    if key is not None and (key.node != entry.recipient or key.use is not KeyUse.ENCRYPT):
        raise Rejected("grant_unlawful", f"the entry does not name an ENCRYPT key of {entry.recipient}")
    if not grant.sealed_at <= grant.body.use_until <= grant.sealed_at + AUDIENCE_KEY_LIFE_MS_MAX:
        raise Rejected("grant_unlawful", "the key may never be used, or may be used for more than 24 hours")
    return key


def check_lawful(grant: Grant, entry: GrantEntry, *, sealed_at: int, governance: Governance) -> Waiting | None:
    """Step 13: check that `entry` is lawful for a message sealed at `sealed_at`. Rejected `grant_unlawful` if not.

    The checks that need no agreement come first. Then the message waits if an agreement or the key is not known here.
    """
    key = check_entry(grant, entry, governance)
    if not grant.sealed_at <= sealed_at <= grant.body.use_until:
        raise Rejected("grant_unlawful", "the key may not be used at that time")
    known = [governance.agreement_by_hash(reference.agreement) for reference in entry.clauses]
    if key is None or None in known:
        return Waiting(reason="agreement")
    for reference in entry.clauses:
        named = governance.clause(reference)
        if named is None or grant.originator not in named[1].from_ or entry.recipient not in named[1].to:
            raise Rejected(
                "grant_unlawful", f"clause {reference.clause} does not let {grant.originator} send to {entry.recipient}"
            )
        if not named[0].in_force(sealed_at):
            raise Rejected("grant_unlawful", f"agreement {named[0].id} was not in force")
    return None


class AudienceKeys:
    """A bounded cache that unwraps each audience key once. It contains secrets, which are never logged or stored."""

    def __init__(self, unwrap: Callable[[bytes, bytes, bytes], bytes], community: bytes) -> None:
        """`unwrap(key_id, wrap, info)` uses the private key `key_id` and raises hpke.WrapFailed."""
        self._unwrap = unwrap
        self._community = community
        self._keys: OrderedDict[tuple[str, bytes, bytes], bytes] = OrderedDict()

    def key(self, grant: Grant, entry: GrantEntry) -> bytes:
        """The audience key of `entry`. Rejected `audience_key_mismatch` if the wrap contains another key."""
        body, originator = grant.body, grant.originator
        name = (originator, body.audience_key_id, entry.key_id + entry.wrap)
        if (known := self._keys.get(name)) is not None:
            self._keys.move_to_end(name)
            return known
        info = _info(self._community, originator, body.audience_key_id, entry.recipient, entry.key_id)
        try:
            key = self._unwrap(entry.key_id, entry.wrap, info)
        except hpke.WrapFailed:
            raise Rejected("audience_key_mismatch", "the wrap does not open with the recipient's key") from None
        if audience_key_id(key, self._community, originator) != body.audience_key_id:
            raise Rejected("audience_key_mismatch", "the wrap contains a key with another id")
        self._keys[name] = key
        if len(self._keys) > AUDIENCE_KEYS_REMEMBERED_MAX:
            self._keys.popitem(last=False)
        return key
