"""Taking up documents in order: ROOTs, then NODEs, then AGREEMENTs, each id by version.

Pure; the register changes while it is filled and not after. governance.py answers questions from it. Rules:

- the community is the hash of the first ROOT, given by hand or the only one there;
- one document in two files is one document with the signatures of both;
- two documents with effect for one version of one id contradict each other: nothing of that id has effect;
- agreements that lack signatures are kept apart, to explain why they are not in force.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec

from broker.streams import REGISTRY
from node.errors import UsageError
from node.primitives import ZERO_HASH
from node.trust.admission import Examination, examine_agreement, examine_node, examine_root, listed_key, listed_keys
from node.trust.document_versions import NEVER, AgreementVersion, ListedKey, NodeVersion, RootVersion
from node.trust.signed_document import DocumentInvalid, ParsedDocument, parse
from schemas.types import Agreement, AgreementStatus, DocumentKind, KeyReason, Node, Root

AnyVersion = RootVersion | NodeVersion | AgreementVersion
_ORDER: Final = (DocumentKind.ROOT, DocumentKind.NODE, DocumentKind.AGREEMENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentProblem:
    """A document, or what should be one, that has no effect."""

    index: int
    """Which of the documents handed in, from 0."""

    name: str | None
    """Kind, id and version; None if it is not even well-formed."""

    error: UsageError


@dataclass(kw_only=True)
class DocumentSet:
    """Versions with effect, ascending, and what had none."""

    community: bytes
    roots: list[RootVersion] = field(default_factory=list)
    nodes: dict[str, list[NodeVersion]] = field(default_factory=dict)
    agreements: dict[str, list[AgreementVersion]] = field(default_factory=dict)
    pending: dict[str, list[AgreementVersion]] = field(default_factory=dict)
    problems: list[DocumentProblem] = field(default_factory=list)
    newest_keys: dict[str, tuple[ListedKey, ...]] = field(default_factory=dict)

    def newest(self, kind: DocumentKind, identity: str) -> AnyVersion | None:
        """The highest version with effect of an id."""
        versions = self._versions(kind, identity)
        return versions[-1] if versions else None

    def _versions(self, kind: DocumentKind, identity: str) -> Sequence[AnyVersion]:
        if kind is DocumentKind.ROOT:
            return self.roots
        by_id: Mapping[str, Sequence[AnyVersion]] = self.nodes if kind is DocumentKind.NODE else self.agreements
        return by_id.get(identity, ())

    def examine(self, parsed: ParsedDocument) -> Examination:
        """What becomes of a document beside those taken up so far; changes nothing."""
        document, versions = parsed.document, self._versions(parsed.document.kind, parsed.document.id)
        # Versions with effect have no gap: the one before, or else the newest, which tells what is missing.
        before = versions[: document.version - 1][-1] if versions and document.version > 1 else None
        examined = self._examine(parsed, before)
        if document.kind is DocumentKind.ROOT and document.version == 1 and parsed.hash != self.community:
            problem = DocumentInvalid(
                "document_community", "this first ROOT begins another community", path="community"
            )
        elif document.community not in (self.community, ZERO_HASH):
            problem = DocumentInvalid("document_community", "it belongs to another community", path="community")
        elif any(version.document.version == document.version and version.hash != parsed.hash for version in versions):
            problem = DocumentInvalid("document_conflict", f"there is another {parsed.name}", path="version")
        else:
            return examined
        return replace(examined, problem=problem)

    def _examine(self, parsed: ParsedDocument, before: AnyVersion | None) -> Examination:
        body = parsed.body
        if isinstance(body, Root):
            return examine_root(parsed, body, before if isinstance(before, RootVersion) else None)
        root = next((version for version in self.roots if version.hash == parsed.document.root), None)
        if isinstance(body, Node):
            previous = before if isinstance(before, NodeVersion) else None
            return examine_node(parsed, body, previous, root, self._compromised_trustees())
        agreed = before if isinstance(before, AgreementVersion) else None
        return examine_agreement(parsed, body, agreed, root, self.newest_keys)

    def _compromised_trustees(self) -> frozenset[bytes]:
        trustees = (trustee for version in self.roots for trustee in version.body.trustees)
        return frozenset(trustee.key.public for trustee in trustees if trustee.key.reason is KeyReason.COMPROMISED)

    def take(self, parsed: ParsedDocument) -> None:
        """Give effect to a document that `examine` found valid."""
        document, body = parsed.document, parsed.body
        if isinstance(body, Root):
            self.roots.append(RootVersion(hash=parsed.hash, document=document, body=body))
        elif isinstance(body, Node):
            version = NodeVersion(hash=parsed.hash, document=document, body=body)
            self.nodes.setdefault(document.id, []).append(version)
            self.newest_keys[document.id] = listed_keys(document.id, body.keys)
        else:
            self.agreements.setdefault(document.id, []).append(_agreement(parsed, body, ()))

    def keys(self) -> dict[bytes, ListedKey]:
        """Every key by its id: of nodes, of the registry, of the trustees of the newest ROOT."""
        newest = self.roots[-1].body
        listed = [
            *listed_keys(REGISTRY, newest.registry_keys),
            *(listed_key(item.id, item.key) for item in newest.trustees),
        ]
        return {key.key_id: key for keys in (listed, *self.newest_keys.values()) for key in keys}

    def agreement_versions(self) -> dict[str, tuple[AgreementVersion, ...]]:
        """Each id with its versions, ascending, those that lack signatures among them, and when each is in force."""
        ids = sorted({*self.agreements, *self.pending})
        return {identity: self._in_force(identity) for identity in ids}

    def _in_force(self, identity: str) -> tuple[AgreementVersion, ...]:
        superseded_from = NEVER
        dated = list(self.pending.get(identity, ()))
        for version in reversed(self.agreements.get(identity, [])):
            begin, until = version.document.from_, min(version.document.until, superseded_from)
            if version.body.status is not AgreementStatus.IN_FORCE:
                until = begin
            dated.append(replace(version, superseded_from=superseded_from, in_force_from=begin, in_force_until=until))
            superseded_from = min(superseded_from, begin)
        return tuple(sorted(dated, key=lambda version: (version.document.version, version.hash)))


def _agreement(parsed: ParsedDocument, body: Agreement, missing: tuple[str, ...]) -> AgreementVersion:
    """Not in force until `agreement_versions` works out when it is."""
    return AgreementVersion(
        hash=parsed.hash,
        document=parsed.document,
        body=body,
        missing=missing,
        superseded_from=NEVER,
        in_force_from=0,
        in_force_until=0,
    )


def collect(documents: Iterable[bytes], community: bytes | None) -> DocumentSet:
    """Take up SignedDocuments in their order of effect. DocumentInvalid without one first ROOT to begin with."""
    problems: list[DocumentProblem] = []
    merged: dict[bytes, tuple[int, ParsedDocument]] = {}
    for index, data in enumerate(documents):
        try:
            parsed = parse(data)
        except DocumentInvalid as error:
            problems.append(DocumentProblem(index=index, name=None, error=error))
            continue
        first, known = merged.get(parsed.hash, (index, parsed))
        merged[parsed.hash] = (first, known if known is parsed else _merge(known, parsed))
    register = DocumentSet(
        community=_community([parsed for _, parsed in merged.values()], community), problems=problems
    )
    groups: dict[tuple[int, str], dict[int, list[tuple[int, ParsedDocument]]]] = {}
    for index, parsed in merged.values():
        group = groups.setdefault((_ORDER.index(parsed.document.kind), parsed.document.id), {})
        group.setdefault(parsed.document.version, []).append((index, parsed))
    for (order, identity), versions in sorted(groups.items()):
        if not _take_all(register, versions):
            _drop(register, _ORDER[order], identity)
    if not register.roots:
        reasons = "; ".join(problem.error.message for problem in problems)
        raise DocumentInvalid("root_missing", f"no ROOT has effect: {reasons}")
    return register


def _community(documents: Iterable[ParsedDocument], community: bytes | None) -> bytes:
    first = [item.hash for item in documents if item.document.kind is DocumentKind.ROOT and item.document.version == 1]
    if community is not None:
        if community not in first:
            raise DocumentInvalid("root_missing", "the first ROOT of the configured community is not here")
        return community
    if len(first) != 1:
        message = f"{len(first)} first ROOTs are here; one is needed"
        raise DocumentInvalid("root_ambiguous" if first else "root_missing", message, hint="configure node.community")
    return first[0]


def _merge(one: ParsedDocument, other: ParsedDocument) -> ParsedDocument:
    # Two signatures by one key may both stand here: a wrong one must not displace a right one.
    signatures = tuple(dict.fromkeys((*one.signed.signatures, *other.signed.signatures)))
    return replace(one, signed=msgspec.structs.replace(one.signed, signatures=signatures))


def _take_all(register: DocumentSet, versions: Mapping[int, list[tuple[int, ParsedDocument]]]) -> bool:
    """Take up one id; False if two of its documents contradict each other."""
    for _, candidates in sorted(versions.items()):
        examined = [(index, parsed, register.examine(parsed)) for index, parsed in candidates]
        valid = [(index, parsed) for index, parsed, result in examined if result.valid]
        for index, parsed, result in examined:
            if not result.valid:
                error = result.problem or _unsigned(parsed, result)
                register.problems.append(DocumentProblem(index=index, name=parsed.name, error=error))
                if isinstance(parsed.body, Agreement) and result.problem is None:
                    pending = _agreement(parsed, parsed.body, result.missing)
                    register.pending.setdefault(parsed.document.id, []).append(pending)
        if len(valid) > 1:
            for index, parsed in valid:
                error = DocumentInvalid("document_conflict", f"there is another {parsed.name}", path="version")
                register.problems.append(DocumentProblem(index=index, name=parsed.name, error=error))
            return False
        for _, parsed in valid:
            register.take(parsed)
    return True


def _unsigned(parsed: ParsedDocument, result: Examination) -> UsageError:
    return DocumentInvalid(
        "signatures_missing", f"{parsed.name} lacks signatures of {', '.join(result.missing)}", path="signatures"
    )


def _drop(register: DocumentSet, kind: DocumentKind, identity: str) -> None:
    if kind is DocumentKind.ROOT:
        register.roots.clear()
    register.nodes.pop(identity, None) if kind is DocumentKind.NODE else register.agreements.pop(identity, None)
    register.newest_keys.pop(identity, None) if kind is DocumentKind.NODE else None
