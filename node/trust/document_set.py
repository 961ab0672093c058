"""The documents of a community that have effect, as a set that grows by one document at a time.

Pure. The set changes while collect_documents.py fills it, and never afterwards; governance.py answers questions from
it. admission.py holds the rules for one document. Here, the rules between documents ("Governance"):

- a document must belong to the community;
- another document with effect for the same version of the same id is a conflict, unless one of the two only stops an
  agreement or revokes keys of a node (revocations.py): one signer alone must not take the effect from what all signed;
- agreements with the same id and other first parties are others, and exclude nothing (agreement_lines.py);
- agreements that lack signatures are kept apart, to explain why they are not in force.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from broker.streams import REGISTRY
from node.errors import UsageError
from node.primitives import ZERO_HASH
from node.trust.admission import Examination, examine_agreement, examine_root
from node.trust.agreement_lines import Line, labelled, line_of
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
from node.trust.revocations import together
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
    agreements: dict[str, dict[Line, list[AgreementVersion]]] = field(default_factory=dict)
    unsigned_agreements: dict[str, dict[Line, list[AgreementVersion]]] = field(default_factory=dict)
    """Agreements that lack signatures and break no other rule."""

    problems: list[DocumentProblem] = field(default_factory=list)
    newest_keys: dict[str, tuple[ListedKey, ...]] = field(default_factory=dict)
    """Node code -> the keys of its newest NODE document."""

    def newest(self, kind: DocumentKind, identity: str, *, version: int = 0, parties: Line = ()) -> AnyVersion | None:
        """The highest version with effect that a document follows; an AGREEMENT has `version` and `parties`."""
        versions: Sequence[AnyVersion] = self.roots
        if kind is DocumentKind.AGREEMENT:
            versions = self._of_line(identity, self._line(identity, version, parties))
        elif kind is DocumentKind.NODE:
            versions = self.nodes.get(identity, ())
        return versions[-1] if versions else None

    def _versions(self, parsed: ParsedDocument) -> Sequence[AnyVersion]:
        """The versions with effect of what the document is a version of."""
        document, body = parsed.document, parsed.body
        if isinstance(body, Agreement):
            line = self._line(document.id, document.version, body.parties, document.previous)
            return self._of_line(document.id, line)
        return self.nodes.get(document.id, ()) if isinstance(body, Node) else self.roots

    def _line(self, identity: str, version: int, parties: Line, previous: bytes | None = None) -> Line:
        return line_of(version, parties, previous, self.agreements.get(identity, {}))

    def _of_line(self, identity: str, line: Line) -> Sequence[AgreementVersion]:
        return self.agreements.get(identity, {}).get(line, ())

    def examine(self, parsed: ParsedDocument) -> Examination:
        """Decide whether a document has effect beside those in the set. The set does not change."""
        document, versions = parsed.document, self._versions(parsed)
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
            node = self.nodes.setdefault(document.id, [])
            node.append(
                NodeVersion(hash=parsed.hash, document=document, body=body, until=until, stops=examination.stops)
            )
            node.sort(key=lambda kept: (kept.document.version, not kept.stops, kept.hash))
            self.newest_keys[document.id] = listed_keys(document.id, together(node[-1], node).body.keys)
        else:
            line = self._line(document.id, document.version, body.parties, document.previous)
            versions = self.agreements.setdefault(document.id, {}).setdefault(line, [])
            versions.append(_undated(parsed, body, (), stops=examination.stops))
            versions.sort(key=lambda kept: (kept.document.version, not kept.stops, kept.hash))

    def add_unsigned(self, parsed: ParsedDocument, body: Agreement, missing: tuple[str, ...]) -> None:
        """Keep an agreement that lacks the signatures of `missing`."""
        document = parsed.document
        line = self._line(document.id, document.version, body.parties, document.previous)
        of_id = self.unsigned_agreements.setdefault(document.id, {})
        of_id.setdefault(line, []).append(_undated(parsed, body, missing))

    def drop(self, kind: DocumentKind, identity: str, line: Line) -> None:
        """Take the effect from all versions of an id, of an AGREEMENT from those of its line."""
        if kind is DocumentKind.ROOT:
            self.roots.clear()
        elif kind is DocumentKind.NODE:
            self.nodes.pop(identity, None)
            self.newest_keys.pop(identity, None)
        else:
            self.agreements.get(identity, {}).pop(line, None)

    def keys(self) -> dict[bytes, ListedKey]:
        """Every key by its id: of nodes, of the registry, and of the trustees of the newest ROOT."""
        newest = self.roots[-1].body
        of_root = (*listed_keys(REGISTRY, newest.registry_keys), *trustee_keys(newest))
        return {key.key_id: key for keys in (of_root, *self.newest_keys.values()) for key in keys}

    def agreement_versions(self, known_since: Mapping[bytes, int]) -> dict[str, tuple[AgreementVersion, ...]]:
        """The versions of each agreement, unsigned ones included, ascending, with the time when each is in force."""
        return labelled(self.agreements, self.unsigned_agreements, known_since)


def _before(document: Document, versions: Sequence[AnyVersion]) -> AnyVersion | None:
    """The version that a document follows; of several stops or revocations, the one that it names.

    Versions with effect have no gap. If the one before is missing, the newest shows which version is missing.
    """
    lower = [version for version in versions if version.document.version < document.version]
    if not lower:
        return None
    newest = [version for version in lower if version.document.version == lower[-1].document.version]
    named = next((version for version in newest if version.hash == document.previous), newest[-1])
    if isinstance(named, NodeVersion):
        return together(named, [version for version in newest if isinstance(version, NodeVersion)])
    return named


def _exclude_each_other(version: AnyVersion, parsed: ParsedDocument, examination: Examination) -> bool:
    """Whether two documents are the same version of an id, and none of them only stops or revokes."""
    if version.document.version != parsed.document.version or version.hash == parsed.hash:
        return False
    return not (examination.stops or (not isinstance(version, RootVersion) and version.stops))


def _undated(
    parsed: ParsedDocument, body: Agreement, missing: tuple[str, ...], *, stops: bool = False
) -> AgreementVersion:
    """A version that is never in force; `agreement_versions` computes when a signed one is."""
    return AgreementVersion(hash=parsed.hash, document=parsed.document, body=body, missing=missing, stops=stops)


def conflict(parsed: ParsedDocument) -> DocumentInvalid:
    """The error for two documents with effect that are the same version of the same id."""
    return DocumentInvalid("document_conflict", f"there is another {parsed.name}", path="version")
