"""Decides whether a ROOT or an AGREEMENT has effect.

Pure. signed_document.py checks the document alone, document_signatures.py its signatures, succession.py the version
before it; node_admission.py decides about NODE documents. Here: whose signatures a document needs ("Governance"):

- a ROOT needs the threshold of the ROOT before it and its own threshold; the first ROOT needs only its own;
- an AGREEMENT needs one AGREE key of each party. The parties of the version before it sign too, so that others
  cannot take over an agreement. One party is enough to stop the agreement.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from broker.streams import REGISTRY
from node.errors import UsageError
from node.trust.document_signatures import (
    SignatureCheck,
    check_signatures,
    counting,
    missing_trustees,
    signers,
)
from node.trust.document_versions import (
    AgreementVersion,
    ListedKey,
    RootVersion,
    trustee_keys,
)
from node.trust.signed_document import DocumentInvalid, ParsedDocument
from node.trust.succession import check_follows, check_keys_kept, only_stops
from schemas.types import Agreement, KeyUse, Root


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """The result for one document. The document has effect if and only if `valid` is true."""

    signatures: tuple[SignatureCheck, ...]
    missing: tuple[str, ...]
    """Who could still sign: parties, trustees (all that could, if any is needed), "<node> <use>" of a new key, or
    "<node> AGREE of version <n>" of the version before."""

    counted: tuple[ListedKey, ...]
    """Keys whose signatures count for this document, whether they have signed or not."""

    problem: UsageError | None = None
    """A broken rule that further signatures do not repair."""

    stops: bool = False
    """It only stops the agreement, or only revokes keys of the node, of the version before. Such documents of one
    version do not exclude each other."""

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
    begin = parsed.document.from_
    listed, listed_before = trustee_keys(body), trustee_keys(previous.body) if previous else ()
    own, old = counting(listed, begin), counting(listed_before, begin)
    # A key in both lists is one key. Each threshold counts it by the list that the threshold belongs to.
    checks = check_signatures(parsed, (*old, *own))
    missing = missing_trustees(body.threshold, signers(checks, own), listed, begin)
    if previous:
        missing += missing_trustees(previous.body.threshold, signers(checks, old), listed_before, begin)
    return Examination(signatures=checks, missing=tuple(sorted(set(missing))), counted=(*old, *own), problem=problem)


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
        problem = root_unknown()
    parties = {*body.parties, *(previous.body.parties if previous else ())}
    listed = [key for party in sorted(parties) for key in keys.get(party, ()) if key.use is KeyUse.AGREE]
    agree_keys = counting(listed, parsed.document.from_)
    checks = check_signatures(parsed, agree_keys)
    signed_by = signers(checks, agree_keys)
    stops = previous is not None and only_stops(body, previous.body)
    missing = () if stops and signed_by else tuple(sorted(parties - signed_by))
    return Examination(signatures=checks, missing=missing, counted=agree_keys, problem=problem, stops=stops)


def root_unknown() -> DocumentInvalid:
    """The error for a document that names a ROOT that is not here."""
    return DocumentInvalid("document_root", "the ROOT that the document names is not here", path="root")
