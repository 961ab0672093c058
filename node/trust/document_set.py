"""The documents of a community that have effect, as a set that grows by one document at a time.

Pure. The set changes while collect_documents.py fills it, and never afterwards; governance.py answers questions from
it. admission.py holds the rules for one document. Here, the rules between documents ("Governance"):

- a document must belong to the community;
- another document with effect for the same version of the same id is a conflict, unless one of the two stops an
  agreement: one party alone must not take the effect from what all parties signed, nor from its own stop;
- agreements that lack signatures are kept apart, to explain why they are not in force.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from broker.streams import REGISTRY
from node.errors import UsageError
from node.primitives import ZERO_HASH
from node.trust.admission import Examination, examine_agreement, examine_root
from node.trust.agreement_times import dated
from node.trust.document_versions import (
    AgreementVersion,
    AnyVersion,
    ListedKey,
    NodeVersion,
    RootVersion,
    listed_keys,
    trustee_keys,
)
from node.trust.node_admission import examine_node
from node.trust.signed_document import DocumentInvalid, ParsedDocument
from schemas.types import Agreement, Document, DocumentKind, KeyReason, Node, Root


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentProblem:
    """A document, or bytes that should be one, without effect."""

    index: int
    """Which of the documents passed in, from 0."""

    name: str | None
    """Kind, id and version; None if the document is malformed."""

    error: UsageError


@dataclass(kw_only=True)
class DocumentSet:
    """The versions with effect of each id, ascending, and the documents without effect."""

    community: bytes
    roots: list[RootVersion] = field(default_factory=list)
    nodes: dict[str, list[NodeVersion]] = field(default_factory=dict)
    agreements: dict[str, list[AgreementVersion]] = field(default_factory=dict)
    unsigned_agreements: dict[str, list[AgreementVersion]] = field(default_factory=dict)
    """Agreements that lack signatures and break no other rule."""

    problems: list[DocumentProblem] = field(default_factory=list)
    newest_keys: dict[str, tuple[ListedKey, ...]] = field(default_factory=dict)
    """Node code -> the keys of its newest NODE document."""

    def newest(self, kind: DocumentKind, identity: str) -> AnyVersion | None:
        """The highest version of an id that has effect."""
        versions = self._versions(kind, identity)
        return versions[-1] if versions else None

    def _versions(self, kind: DocumentKind, identity: str) -> Sequence[AnyVersion]:
        if kind is DocumentKind.ROOT:
            return self.roots
        by_id: Mapping[str, Sequence[AnyVersion]] = self.nodes if kind is DocumentKind.NODE else self.agreements
        return by_id.get(identity, ())

    def examine(self, parsed: ParsedDocument) -> Examination:
        """Decide whether a document has effect beside those in the set. The set does not change."""
        document, versions = parsed.document, self._versions(parsed.document.kind, parsed.document.id)
        examination = self._examine(parsed, _before(document, versions))
        if document.kind is DocumentKind.ROOT and document.version == 1 and parsed.hash != self.community:
            message = "this first ROOT belongs to another community"
            problem = DocumentInvalid("document_community", message, path="community")
        elif document.community not in (self.community, ZERO_HASH):
            message = "the document belongs to another community"
            problem = DocumentInvalid("document_community", message, path="community")
        elif any(_exclude_each_other(version, parsed, examination) for version in versions):
            problem = conflict(parsed)
        else:
            return examination
        return replace(examination, problem=problem)

    def _examine(self, parsed: ParsedDocument, before: AnyVersion | None) -> Examination:
        body = parsed.body
        if isinstance(body, Root):
            return examine_root(parsed, body, before if isinstance(before, RootVersion) else None)
        if isinstance(body, Node):
            previous = before if isinstance(before, NodeVersion) else None
            return examine_node(parsed, body, previous, self.roots, self._compromised_trustees())
        agreed = before if isinstance(before, AgreementVersion) else None
        return examine_agreement(parsed, body, agreed, self._root(parsed), self.newest_keys)

    def _root(self, parsed: ParsedDocument) -> RootVersion | None:
        """The ROOT that a document names."""
        return next((version for version in self.roots if version.hash == parsed.document.root), None)

    def _compromised_trustees(self) -> frozenset[bytes]:
        trustees = (trustee for version in self.roots for trustee in version.body.trustees)
        return frozenset(trustee.key.public for trustee in trustees if trustee.key.reason is KeyReason.COMPROMISED)

    def add(self, parsed: ParsedDocument, examination: Examination) -> None:
        """Give effect to a document that `examine` found valid."""
        document, body = parsed.document, parsed.body
        if isinstance(body, Root):
            self.roots.append(RootVersion(hash=parsed.hash, document=document, body=body))
        elif isinstance(body, Node):
            root = self._root(parsed)
            until = min(document.until, root.document.until) if root else document.from_
            version = NodeVersion(hash=parsed.hash, document=document, body=body, until=until)
            self.nodes.setdefault(document.id, []).append(version)
            self.newest_keys[document.id] = listed_keys(document.id, body.keys)
        else:
            versions = self.agreements.setdefault(document.id, [])
            versions.append(_undated(parsed, body, (), stops=examination.stops))
            versions.sort(key=lambda kept: (kept.document.version, not kept.stops, kept.hash))

    def add_unsigned(self, parsed: ParsedDocument, body: Agreement, missing: tuple[str, ...]) -> None:
        """Keep an agreement that lacks the signatures of `missing`."""
        self.unsigned_agreements.setdefault(parsed.document.id, []).append(_undated(parsed, body, missing))

    def drop(self, kind: DocumentKind, identity: str) -> None:
        """Take the effect from all versions of an id."""
        if kind is DocumentKind.ROOT:
            self.roots.clear()
        elif kind is DocumentKind.NODE:
            self.nodes.pop(identity, None)
            self.newest_keys.pop(identity, None)
        else:
            self.agreements.pop(identity, None)

    def keys(self) -> dict[bytes, ListedKey]:
        """Every key by its id: of nodes, of the registry, and of the trustees of the newest ROOT."""
        newest = self.roots[-1].body
        of_root = (*listed_keys(REGISTRY, newest.registry_keys), *trustee_keys(newest))
        return {key.key_id: key for keys in (of_root, *self.newest_keys.values()) for key in keys}

    def agreement_versions(self, known_since: Mapping[bytes, int]) -> dict[str, tuple[AgreementVersion, ...]]:
        """The versions of each agreement, unsigned ones included, ascending, with the time when each is in force."""
        ids = sorted({*self.agreements, *self.unsigned_agreements})
        return {identity: self._dated(identity, known_since) for identity in ids}

    def _dated(self, identity: str, known_since: Mapping[bytes, int]) -> tuple[AgreementVersion, ...]:
        versions = [*self.unsigned_agreements.get(identity, ()), *dated(self.agreements.get(identity, ()), known_since)]
        return tuple(sorted(versions, key=lambda version: (version.document.version, version.stops, version.hash)))


def _before(document: Document, versions: Sequence[AnyVersion]) -> AnyVersion | None:
    """The version that a document follows; of several stops of an agreement, the one that it names.

    Versions with effect have no gap. If the one before is missing, the newest shows which version is missing.
    """
    lower = [version for version in versions if version.document.version < document.version]
    if not lower:
        return None
    newest = [version for version in lower if version.document.version == lower[-1].document.version]
    return next((version for version in newest if version.hash == document.previous), newest[-1])


def _exclude_each_other(version: AnyVersion, parsed: ParsedDocument, examination: Examination) -> bool:
    """Whether two documents are the same version of an id, and none of them stops an agreement."""
    if version.document.version != parsed.document.version or version.hash == parsed.hash:
        return False
    return not (examination.stops or (isinstance(version, AgreementVersion) and version.stops))


def _undated(
    parsed: ParsedDocument, body: Agreement, missing: tuple[str, ...], *, stops: bool = False
) -> AgreementVersion:
    """A version that is never in force; `agreement_versions` computes when a signed one is."""
    return AgreementVersion(hash=parsed.hash, document=parsed.document, body=body, missing=missing, stops=stops)


def conflict(parsed: ParsedDocument) -> DocumentInvalid:
    """The error for two documents with effect that are the same version of the same id."""
    return DocumentInvalid("document_conflict", f"there is another {parsed.name}", path="version")
