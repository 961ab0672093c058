"""Does a document have effect? Its signatures, and how it follows the version before it.

Pure. Rules ("Governance"):

- a ROOT above version 1 is signed by the threshold of the ROOT before it and by its own; the first by its own;
- a NODE is signed by the threshold of the ROOT that it names and by each signing key that it introduces; the revoke
  threshold suffices if it only lowers `until` or sets `reason` of listed keys;
- an AGREEMENT is signed by any AGREE key, not COMPROMISED, of each party, those of the version before it included, so
  that nobody takes an agreement over; by one party if it changes nothing in the body but the status, to SUSPENDED or
  ENDED;
- thresholds count signers; signatures that are wrong or by keys not known here are ignored;
- versions go up by one and name the hash of the one before; a listed key stays listed, and of it only `until` may come
  down and `reason` change.

A trustee's key that any ROOT here calls COMPROMISED counts for no NODE document, whichever ROOT that one names:
documents in files carry no order, so an old ROOT must not bring a stolen key back.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from broker.streams import REGISTRY
from node.errors import UsageError
from node.primitives import frame
from node.sealing.public_keys import SIGNING_USES, key_id, verify
from node.trust.document_versions import AgreementVersion, ListedKey, NodeVersion, RootVersion
from node.trust.signed_document import DocumentInvalid, ParsedDocument
from schemas.types import Agreement, AgreementStatus, Key, KeyReason, KeyUse, Node, Root


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureCheck:
    """One signature of a document, as `governance check` shows it."""

    signer: str | None
    """Code of the node or id of the trustee; None of a key not known here."""

    key_id: bytes
    valid: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What became of a document: it has effect exactly if `valid`."""

    signatures: tuple[SignatureCheck, ...]
    missing: tuple[str, ...]
    """Who could still sign: parties, trustees (as many as are still needed), "<node> <use>" for a new key."""

    counted: tuple[ListedKey, ...]
    """Keys whose signatures count, whether they are there or not."""

    problem: UsageError | None = None
    """The rule it breaks that no further signature mends."""

    @property
    def valid(self) -> bool:
        """Whether it has effect."""
        return not self.missing and self.problem is None


def listed_key(holder: str, key: Key) -> ListedKey:
    """A listed key with its holder and id."""
    return ListedKey(
        key_id=key_id(holder, key.use, key.suite, key.public),
        node=holder,
        use=key.use,
        suite=key.suite,
        public=key.public,
        from_=key.from_,
        until=key.until,
        reason=key.reason,
    )


def listed_keys(holder: str, keys: Iterable[Key]) -> tuple[ListedKey, ...]:
    """All listed keys of one holder."""
    return tuple(listed_key(holder, key) for key in keys)


def _trustees(root: Root) -> tuple[ListedKey, ...]:
    return tuple(listed_key(trustee.id, trustee.key) for trustee in root.trustees)


def _check_signatures(parsed: ParsedDocument, keys: Iterable[ListedKey]) -> tuple[SignatureCheck, ...]:
    known = {key.key_id: key for key in keys}
    data = frame("enlace/1 document", parsed.signed.document)
    checks = []
    for signature in parsed.signed.signatures:
        key = known.get(signature.key_id)
        valid = key is not None and verify(key.use, key.public, signature.signature, data)
        signer = key.node if key else None
        checks.append(SignatureCheck(signer=signer, key_id=signature.key_id, valid=valid))
    return tuple(checks)


def _signers(checks: Iterable[SignatureCheck], keys: Iterable[ListedKey]) -> set[str]:
    """Holders of those keys, not COMPROMISED, under which a signature holds."""
    counted = {key.key_id: key.node for key in _usable(keys)}
    return {counted[check.key_id] for check in checks if check.valid and check.key_id in counted}


def _usable(keys: Iterable[ListedKey]) -> tuple[ListedKey, ...]:
    return tuple(key for key in keys if key.reason is not KeyReason.COMPROMISED)


def _short_of(threshold: int, signers: set[str], trustees: Iterable[ListedKey]) -> list[str]:
    """Trustees that could still sign; all others if no usable key is left, never nobody while below the threshold."""
    if len(signers) >= threshold:
        return []
    listed = tuple(trustees)
    usable = {key.node for key in _usable(listed)}
    return sorted(usable - signers) or sorted({key.node for key in listed} - signers)


def _follows(
    parsed: ParsedDocument, previous: RootVersion | NodeVersion | AgreementVersion | None
) -> DocumentInvalid | None:
    version, number = parsed.document.version, previous.document.version if previous else 0
    if version != number + 1:
        message = f"{parsed.name} comes before version {number + 1}, which is not here or has no effect"
        return DocumentInvalid("document_version", message, path="version")
    if previous and parsed.document.previous != previous.hash:
        return DocumentInvalid(
            "document_previous", f"{parsed.name} does not name the version before it", path="previous"
        )
    return None


def _keys_kept(holder: str, before: Iterable[Key], after: Iterable[Key]) -> DocumentInvalid | None:
    listed = {key.key_id: key for key in listed_keys(holder, after)}
    for old in listed_keys(holder, before):
        new = listed.get(old.key_id)
        where = f"keys.{old.use}.{old.key_id.hex()[:8]}"
        if new is None:
            return DocumentInvalid("keys_changed", "a key once listed stays listed", path=where)
        if new.from_ != old.from_ or (old.until is not None and (new.until is None or new.until > old.until)):
            return DocumentInvalid("keys_changed", "of a listed key only `until` may come down", path=where)
    return None


def examine_root(parsed: ParsedDocument, body: Root, previous: RootVersion | None) -> Examination:
    """A ROOT after `previous`, or the first one."""
    problem = _follows(parsed, previous)
    if previous and not problem and parsed.document.root != previous.hash:
        problem = DocumentInvalid("document_root", "a ROOT names the one before it as its root", path="root")
    if previous and not problem:
        problem = _keys_kept(REGISTRY, previous.body.registry_keys, body.registry_keys)
    own, old = _trustees(body), _trustees(previous.body) if previous else ()
    # A key in both lists is one key; each threshold then counts by the list it belongs to.
    checks = _check_signatures(parsed, (*old, *own))
    missing = _short_of(body.threshold, _signers(checks, own), own)
    if previous:
        missing += _short_of(previous.body.threshold, _signers(checks, old), old)
    return Examination(
        signatures=checks, missing=tuple(sorted(set(missing))), counted=_usable((*old, *own)), problem=problem
    )


def examine_node(
    parsed: ParsedDocument,
    body: Node,
    previous: NodeVersion | None,
    root: RootVersion | None,
    compromised: frozenset[bytes],
) -> Examination:
    """A NODE document under `root`; `compromised` are public keys of trustees that count no more."""
    problem = _follows(parsed, previous)
    if previous and not problem:
        problem = _keys_kept(parsed.document.id, previous.body.keys, body.keys)
    if root is None:
        unknown = DocumentInvalid("document_root", "the ROOT that it names is not here", path="root")
        return Examination(signatures=_check_signatures(parsed, ()), missing=(), counted=(), problem=problem or unknown)
    trustees = tuple(key for key in _trustees(root.body) if key.public not in compromised)
    own = listed_keys(parsed.document.id, body.keys)
    listed = {key.key_id for key in listed_keys(parsed.document.id, previous.body.keys)} if previous else set()
    introduced = [key for key in own if key.use in SIGNING_USES and key.key_id not in listed]
    counted = (*trustees, *introduced)
    checks = _check_signatures(parsed, counted)
    held = {check.key_id for check in checks if check.valid}
    missing = [f"{key.node} {key.use}" for key in introduced if key.key_id not in held]
    revokes = previous is not None and problem is None and only_revokes(parsed, body, previous)
    threshold = root.body.revoke_threshold if revokes else root.body.threshold
    missing += _short_of(threshold, _signers(checks, trustees), _trustees(root.body))
    return Examination(signatures=checks, missing=tuple(missing), counted=_usable(counted), problem=problem)


def only_revokes(parsed: ParsedDocument, body: Node, previous: NodeVersion) -> bool:
    """Whether a NODE version only lowers `until` or sets `reason` of keys that `previous` lists.

    It neither takes back a reason nor replaces COMPROMISED, and the document does not live longer than before."""
    old = {key.key_id: key for key in listed_keys(parsed.document.id, previous.body.keys)}
    new = listed_keys(parsed.document.id, body.keys)
    return (
        {key.key_id for key in new} == old.keys()
        and (body.streams, body.resume) == (previous.body.streams, previous.body.resume)
        and parsed.document.until == previous.document.until
        and parsed.document.from_ >= previous.document.from_
        and all(_reason_set(old[key.key_id].reason, key.reason) for key in new)
    )


def _reason_set(old: KeyReason, new: KeyReason) -> bool:
    return new is old or (new is not KeyReason.NONE and old is not KeyReason.COMPROMISED)


def examine_agreement(
    parsed: ParsedDocument,
    body: Agreement,
    previous: AgreementVersion | None,
    root: RootVersion | None,
    keys: Mapping[str, tuple[ListedKey, ...]],
) -> Examination:
    """An AGREEMENT; `keys` are those of each node by its newest NODE document."""
    problem = _follows(parsed, previous)
    if root is None and not problem:
        problem = DocumentInvalid("document_root", "the ROOT that it names is not here", path="root")
    parties = {*body.parties, *(previous.body.parties if previous else ())}
    known = [key for party in sorted(parties) for key in keys.get(party, ()) if key.use is KeyUse.AGREE]
    checks = _check_signatures(parsed, known)
    signers = _signers(checks, known)
    missing = sorted(parties - signers)
    if previous and signers and stops(body, previous.body):
        missing = []
    return Examination(signatures=checks, missing=tuple(missing), counted=_usable(known), problem=problem)


def stops(body: Agreement, previous: Agreement) -> bool:
    """Whether a version changes nothing in the body but the status, to SUSPENDED or ENDED: one party may do that."""
    stopped = body.status in (AgreementStatus.SUSPENDED, AgreementStatus.ENDED)
    return stopped and msgspec.structs.replace(body, status=previous.status) == previous
