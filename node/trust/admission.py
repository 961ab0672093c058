"""Decides whether a document has effect.

Pure. signed_document.py checks the document alone, document_signatures.py its signatures, succession.py the version
before it. Here: whose signatures each kind of document needs ("Governance"):

- a ROOT needs the threshold of the ROOT before it and its own threshold; the first ROOT needs only its own;
- a NODE needs the threshold of the ROOT that it names and a signature by each signing key that it introduces; the
  revoke threshold is enough if the version only revokes keys;
- an AGREEMENT needs one AGREE key of each party. The parties of the version before it sign too, so that others
  cannot take over an agreement. One party is enough to stop the agreement.

A trustee's key that any ROOT here lists as COMPROMISED never counts for a NODE document, whichever ROOT the document
names. Files have no order, so an old ROOT must not make a stolen key usable again.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from broker.streams import REGISTRY
from node.errors import UsageError
from node.sealing.public_keys import SIGNING_USES
from node.trust.document_signatures import (
    SignatureCheck,
    check_signatures,
    missing_trustees,
    not_compromised,
    signers,
)
from node.trust.document_versions import (
    AgreementVersion,
    ListedKey,
    NodeVersion,
    RootVersion,
    listed_keys,
    trustee_keys,
)
from node.trust.signed_document import DocumentInvalid, ParsedDocument
from node.trust.succession import check_follows, check_keys_kept, only_revokes, only_stops
from schemas.types import Agreement, KeyUse, Node, Root


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """The result for one document. The document has effect if and only if `valid` is true."""

    signatures: tuple[SignatureCheck, ...]
    missing: tuple[str, ...]
    """Who could still sign: parties, trustees (all that could, if any is needed), or "<node> <use>" of a new key."""

    counted: tuple[ListedKey, ...]
    """Keys whose signatures count for this document, whether they have signed or not."""

    problem: UsageError | None = None
    """A broken rule that further signatures do not repair."""

    @property
    def valid(self) -> bool:
        """Whether the document has effect."""
        return not self.missing and self.problem is None


def examine_root(parsed: ParsedDocument, body: Root, previous: RootVersion | None) -> Examination:
    """Examine a ROOT as the successor of `previous`, or as the first ROOT."""
    problem = check_follows(parsed, previous)
    if previous and not problem and parsed.document.root != previous.hash:
        problem = DocumentInvalid("document_root", "a ROOT must name the ROOT before it", path="root")
    if previous and not problem:
        problem = check_keys_kept(REGISTRY, previous.body.registry_keys, body.registry_keys)
    own, old = trustee_keys(body), trustee_keys(previous.body) if previous else ()
    # A key in both lists is one key. Each threshold counts it by the list that the threshold belongs to.
    checks = check_signatures(parsed, (*old, *own))
    missing = missing_trustees(body.threshold, signers(checks, own), own)
    if previous:
        missing += missing_trustees(previous.body.threshold, signers(checks, old), old)
    return Examination(
        signatures=checks, missing=tuple(sorted(set(missing))), counted=not_compromised((*old, *own)), problem=problem
    )


def examine_node(
    parsed: ParsedDocument,
    body: Node,
    previous: NodeVersion | None,
    root: RootVersion | None,
    compromised: frozenset[bytes],
) -> Examination:
    """Examine a NODE document under `root`; `compromised` are public keys of trustees that no longer count."""
    problem = check_follows(parsed, previous)
    if previous and not problem:
        problem = check_keys_kept(parsed.document.id, previous.body.keys, body.keys)
    if root is None:
        checks = check_signatures(parsed, ())
        return Examination(signatures=checks, missing=(), counted=(), problem=problem or _root_unknown())
    trustees = tuple(key for key in trustee_keys(root.body) if key.public not in compromised)
    listed = {key.key_id for key in listed_keys(parsed.document.id, previous.body.keys)} if previous else set()
    introduced = [
        key
        for key in listed_keys(parsed.document.id, body.keys)
        if key.use in SIGNING_USES and key.key_id not in listed
    ]
    counted = (*trustees, *introduced)
    checks = check_signatures(parsed, counted)
    signed_by_key = {check.key_id for check in checks if check.valid}
    missing = [f"{key.node} {key.use}" for key in introduced if key.key_id not in signed_by_key]
    revokes = previous is not None and problem is None and only_revokes(parsed, body, previous)
    threshold = root.body.revoke_threshold if revokes else root.body.threshold
    missing += missing_trustees(threshold, signers(checks, trustees), trustee_keys(root.body))
    return Examination(signatures=checks, missing=tuple(missing), counted=not_compromised(counted), problem=problem)


def examine_agreement(
    parsed: ParsedDocument,
    body: Agreement,
    previous: AgreementVersion | None,
    root: RootVersion | None,
    keys: Mapping[str, tuple[ListedKey, ...]],
) -> Examination:
    """Examine an AGREEMENT; `keys` contains the keys of each node from its newest NODE document."""
    problem = check_follows(parsed, previous)
    if root is None and not problem:
        problem = _root_unknown()
    parties = {*body.parties, *(previous.body.parties if previous else ())}
    agree_keys = [key for party in sorted(parties) for key in keys.get(party, ()) if key.use is KeyUse.AGREE]
    checks = check_signatures(parsed, agree_keys)
    signed_by = signers(checks, agree_keys)
    missing = sorted(parties - signed_by)
    if previous and signed_by and only_stops(body, previous.body):
        missing = []
    return Examination(signatures=checks, missing=tuple(missing), counted=not_compromised(agree_keys), problem=problem)


def _root_unknown() -> DocumentInvalid:
    return DocumentInvalid("document_root", "the ROOT that the document names is not here", path="root")
