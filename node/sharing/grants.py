"""Audiences and the grants that give them a key ("Audience keys").

Pure. An audience is a set of (recipient, clauses): whom agreements in force admit, and by what. Its random key is
wrapped once for each recipient's ENCRYPT key; whoever unwraps it recomputes its id, so no two nodes hold different
keys under one id. Which grant is lawful for which message is decided here, for recipient and auditor alike (step 13).
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
    """One ENCRYPT key of a recipient, and the clauses that admit it; none for the originator itself."""

    recipient: str
    key_id: bytes
    public: bytes
    clauses: tuple[ClauseReference, ...]


Audience = tuple[AudienceMember, ...]
"""Sorted, so that equal sets are equal tuples."""


def audience_of(
    recipients: Mapping[str, tuple[ClauseReference, ...]], *, originator: str, governance: Governance, t: int
) -> Audience:
    """The audience of those `recipients`, and the originator, under the keys valid at `t`."""
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
    """The id that binds an audience key to community and originator, 32 bytes."""
    return expand(key, "enlace/1 audience key id", community, originator)


def _info(community: bytes, originator: str, key_id: bytes, recipient: str, recipient_key: bytes) -> bytes:
    return frame("enlace/1 grant", community, originator, key_id, recipient, recipient_key)


def make_grant(audience: Audience, *, key: bytes, community: bytes, originator: str, use_until: int) -> KeyGrant:
    """Wrap `key` (32 bytes) for each member; `use_until` in ms."""
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
    """The last entry for `node` whose private key is here."""
    own = [entry for entry in grant.body.entries if entry.recipient == node]
    if not own:
        return NotAddressed()
    held = [entry for entry in own if holds(entry.key_id)]
    return held[-1] if held else Waiting(reason="private_key")


def check_entry(grant: Grant, entry: GrantEntry, governance: Governance) -> ListedKey | None:
    """What makes `entry` unlawful for every message, whatever agreements say: Rejected `grant_unlawful`.

    Step 7 has seen that it names clauses, and the originator's own none (node/verification/open_types.py).
    Returns the recipient's key if a document here lists it.
    """
    key = governance.key(entry.key_id)
    if key is not None and (key.node != entry.recipient or key.use is not KeyUse.ENCRYPT):
        raise Rejected("grant_unlawful", f"the entry names no ENCRYPT key of {entry.recipient}")
    if not grant.sealed_at <= grant.body.use_until <= grant.sealed_at + AUDIENCE_KEY_LIFE_MS_MAX:
        raise Rejected("grant_unlawful", "the key may be used never, or for more than 24 hours")
    return key


def check_lawful(grant: Grant, entry: GrantEntry, *, sealed_at: int, governance: Governance) -> Waiting | None:
    """Step 13: whether `entry` is lawful for a message sealed at `sealed_at`.

    Raises Rejected `grant_unlawful`; what is unlawful without a look at the agreements is refused first, then an
    agreement that is not known here lets the message wait.
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
            raise Rejected("grant_unlawful", f"clause {reference.clause} does not join the two")
        if not named[0].in_force(sealed_at):
            raise Rejected("grant_unlawful", f"agreement {named[0].id} was not in force")
    return None


class AudienceKeys:
    """Unwraps audience keys, once each; bounded. Holds secrets: never logged, never stored."""

    def __init__(self, unwrap: Callable[[bytes, bytes, bytes], bytes], community: bytes) -> None:
        """`unwrap(key_id, wrap, info)` uses the private key `key_id` and raises hpke.WrapFailed."""
        self._unwrap = unwrap
        self._community = community
        self._keys: OrderedDict[tuple[str, bytes, bytes], bytes] = OrderedDict()

    def key(self, grant: Grant, entry: GrantEntry) -> bytes:
        """The audience key of `entry`; raises Rejected `audience_key_mismatch` if the wrap holds another."""
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
            raise Rejected("audience_key_mismatch", "the wrap holds a key of another id")
        self._keys[name] = key
        if len(self._keys) > AUDIENCE_KEYS_REMEMBERED_MAX:
            self._keys.popitem(last=False)
        return key
