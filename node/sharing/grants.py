"""Checks whether a grant gives a recipient its audience key lawfully, and unwraps that key (step 13).

Pure; audience.py makes grants. Recipient and auditor use the same check.
"""

from collections import OrderedDict
from collections.abc import Callable

from node.errors import Rejected
from node.limits import AUDIENCE_KEY_LIFE_MS_MAX
from node.sealing import hpke
from node.sharing.audience import audience_key_id, wrap_info
from node.stages import Grant, NotAddressed, Waiting
from node.trust.document_versions import ListedKey
from node.trust.governance import Governance
from schemas.types import GrantEntry, KeyGrant, KeyUse

AUDIENCE_KEYS_REMEMBERED_MAX = 8192


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
        info = wrap_info(self._community, originator, body.audience_key_id, entry.recipient, entry.key_id)
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


def foreign_entries(body: KeyGrant, node: str, holds: Callable[[bytes], bool], governance: Governance) -> list[bytes]:
    """Key ids of entries in the name of `node` that are neither in its key file nor in a document here.

    Somebody else has a document that lists such a key, and its holder reads what is meant for the node. A key that a
    document here lists is examined there (node/trust/expiry.py).
    """
    own = [entry.key_id for entry in body.entries if entry.recipient == node]
    return [key_id for key_id in own if not holds(key_id) and governance.key(key_id) is None]
