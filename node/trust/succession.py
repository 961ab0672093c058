"""Compares a version of a document with the version before it.

Pure; it does not look at signatures. Rules ("Governance"):

- versions count up by one, and each names the hash of the version before it;
- a listed key stays listed; only its `until` may become earlier and its `reason` may change;
- a NODE version that only revokes keys needs the revoke threshold (`only_revokes`);
- an AGREEMENT version that only stops the agreement needs one party (`only_stops`).
"""

from collections.abc import Iterable

import msgspec

from node.trust.document_versions import AnyVersion, NodeVersion, listed_keys
from node.trust.signed_document import DocumentInvalid, ParsedDocument
from schemas.types import Agreement, AgreementStatus, Key, KeyReason, Node


def check_follows(parsed: ParsedDocument, previous: AnyVersion | None) -> DocumentInvalid | None:
    """The rule that the document breaks as the successor of `previous`, or as the first version if that is None."""
    version, number = parsed.document.version, previous.document.version if previous else 0
    if version != number + 1:
        message = f"{parsed.name} needs version {number + 1} first, which is not here or has no effect"
        return DocumentInvalid("document_version", message, path="version")
    if previous and parsed.document.previous != previous.hash:
        message = f"{parsed.name} does not name the hash of the version before it"
        return DocumentInvalid("document_previous", message, path="previous")
    return None


def check_keys_kept(holder: str, before: Iterable[Key], after: Iterable[Key]) -> DocumentInvalid | None:
    """The rule that the new key list breaks: a key was removed, its `from` changed, or its `until` became later."""
    new_keys = {key.key_id: key for key in listed_keys(holder, after)}
    for old in listed_keys(holder, before):
        new = new_keys.get(old.key_id)
        where = f"keys.{old.use}.{old.key_id.hex()[:8]}"
        if new is None:
            return DocumentInvalid("keys_changed", "a listed key must stay listed", path=where)
        if new.from_ != old.from_ or (old.until is not None and (new.until is None or new.until > old.until)):
            message = "a listed key keeps its `from`, and its `until` may only become earlier"
            return DocumentInvalid("keys_changed", message, path=where)
    return None


def only_revokes(parsed: ParsedDocument, body: Node, previous: NodeVersion) -> bool:
    """Whether a NODE version only lowers `until` or sets `reason` of keys that `previous` lists.

    It neither takes back a reason nor replaces COMPROMISED, and the document does not live longer than before.
    """
    old = {key.key_id: key for key in listed_keys(parsed.document.id, previous.body.keys)}
    new = listed_keys(parsed.document.id, body.keys)
    return (
        {key.key_id for key in new} == old.keys()
        and (body.streams, body.resume) == (previous.body.streams, previous.body.resume)
        and parsed.document.until == previous.document.until
        and parsed.document.from_ >= previous.document.from_
        and all(_reason_may_become(old[key.key_id].reason, key.reason) for key in new)
    )


def _reason_may_become(old: KeyReason, new: KeyReason) -> bool:
    return new is old or (new is not KeyReason.NONE and old is not KeyReason.COMPROMISED)


def only_stops(body: Agreement, previous: Agreement) -> bool:
    """Whether an AGREEMENT version only changes the status of the body, to SUSPENDED or ENDED."""
    stopped = body.status in (AgreementStatus.SUSPENDED, AgreementStatus.ENDED)
    return stopped and msgspec.structs.replace(body, status=previous.status) == previous
