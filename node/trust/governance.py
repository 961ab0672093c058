"""The documents of the community at a glance: who is a member, who holds which key, which agreements are in force.

Pure: documents come in as bytes, and time is an argument. collect_documents.py and document_set.py decide which
documents have effect; this module answers questions about them from indexes. Rules ("Governance"):

- a key is read from the newest version that lists it, at any time; everything else is read from the version that
  applies at the requested time;
- the version that applies at t is the highest one with from <= t; after its `until` it grants nothing;
- a document without effect is never used; `problems` and `agreements_between` show it.
"""

from collections.abc import Iterable, Mapping
from itertools import product
from typing import Final

from broker.streams import REGISTRY, REGISTRY_STREAMS
from node.trust.admission import Examination
from node.trust.collect_documents import collect
from node.trust.document_set import DocumentProblem, DocumentSet
from node.trust.document_versions import (
    AgreementVersion,
    AnyVersion,
    ClauseInForce,
    ListedKey,
    NodeVersion,
    RootVersion,
)
from node.trust.signed_document import ParsedDocument
from schemas.types import AgreementStatus, Clause, ClauseReference, DocumentKind, KeyUse

_NOTHING: Final[Mapping[bytes, int]] = {}


class Governance:
    """An immutable index of the documents that have effect. `load_governance` makes it."""

    def __init__(self, documents: DocumentSet, known_since: Mapping[bytes, int]) -> None:
        self._documents = documents
        self.community: Final = documents.community
        self.problems: Final[tuple[DocumentProblem, ...]] = tuple(documents.problems)
        self.roots: Final[tuple[RootVersion, ...]] = tuple(documents.roots)
        self.nodes: Final[Mapping[str, tuple[NodeVersion, ...]]] = {
            code: tuple(versions) for code, versions in sorted(documents.nodes.items())
        }
        self.agreements: Final[Mapping[str, tuple[AgreementVersion, ...]]] = documents.agreement_versions(known_since)
        self._keys = documents.keys()
        self._keys_of: dict[tuple[str, KeyUse], list[ListedKey]] = {}
        for key in self._keys.values():
            self._keys_of.setdefault((key.node, key.use), []).append(key)
        self._index_agreements()

    def _index_agreements(self) -> None:
        self._by_hash: dict[bytes, AgreementVersion] = {}
        self._clauses: dict[tuple[bytes, str], Clause] = {}
        self._of_party: dict[str, dict[bytes, AgreementVersion]] = {}
        self._allowing: dict[tuple[str, str], list[ClauseInForce]] = {}
        for version in (version for versions in self.agreements.values() for version in versions):
            for party in version.body.parties:
                self._of_party.setdefault(party, {})[version.hash] = version
            if version.missing:
                continue
            self._by_hash[version.hash] = version
            for clause in version.body.clauses:
                self._clauses[version.hash, clause.id] = clause
                if version.in_force_from < version.in_force_until:
                    for originator, recipient in product(clause.from_, clause.to):
                        if originator != recipient:
                            self._allowing.setdefault((originator, recipient), []).append((version, clause))

    def node_at(self, code: str, t: int) -> NodeVersion | None:
        """Highest NODE version with from <= t. It may have expired: check `valid_at(t)`."""
        versions = self.nodes.get(code, ())
        return next((version for version in reversed(versions) if version.document.from_ <= t), None)

    def members(self, t: int) -> tuple[str, ...]:
        """Codes of all nodes whose NODE document is valid at t, sorted."""
        return tuple(code for code in self.nodes if self.node_valid(code, t))

    def node_valid(self, code: str, t: int) -> bool:
        """Whether the node has a NODE document that is valid at t."""
        version = self.node_at(code, t)
        return version is not None and version.valid_at(t)

    def may_write(self, code: str, stream: str, t: int) -> bool:
        """Step 3: whether the document at t lists this stream for the node, even if the document has expired."""
        if code == REGISTRY:
            return stream in REGISTRY_STREAMS
        version = self.node_at(code, t)
        return version is not None and stream in version.body.streams

    def key(self, key_id: bytes) -> ListedKey | None:
        """The key with this id: of a node, of the registry (holder REGISTRY), or of a trustee of the newest ROOT."""
        return self._keys.get(key_id)

    def keys_of(self, code: str, use: KeyUse) -> tuple[ListedKey, ...]:
        """All keys of a node for one use, whether they are valid or not."""
        return tuple(self._keys_of.get((code, use), ()))

    def encrypt_keys(self, code: str, t: int) -> tuple[ListedKey, ...]:
        """The node's ENCRYPT keys that are valid at t; none if its document is not valid at t."""
        if not self.node_valid(code, t):
            return ()
        return tuple(key for key in self._keys_of.get((code, KeyUse.ENCRYPT), ()) if key.valid_at(t))

    def agreement_by_hash(self, document_hash: bytes) -> AgreementVersion | None:
        """The version with effect whose document has this hash, whether it is in force or not."""
        return self._by_hash.get(document_hash)

    def clause(self, reference: ClauseReference) -> ClauseInForce | None:
        """The clause that a grant names, whether it is in force or not: ask `AgreementVersion.in_force`."""
        clause = self._clauses.get((reference.agreement, reference.clause))
        return None if clause is None else (self._by_hash[reference.agreement], clause)

    def clauses_in_force(self, originator: str, recipient: str, t: int) -> tuple[ClauseInForce, ...]:
        """Clauses in force at t that let the originator send to the recipient, by agreement and clause id."""
        pairs = self._allowing.get((originator, recipient), ())
        return tuple(pair for pair in pairs if pair[0].in_force(t))

    def agreements_between(self, originator: str, recipient: str) -> tuple[AgreementVersion, ...]:
        """Every agreement version with both as parties, in force or not, by id and version. For explanations."""
        of_originator, of_recipient = self._of_party.get(originator, {}), self._of_party.get(recipient, {})
        return tuple(version for hash_, version in of_originator.items() if hash_ in of_recipient)

    def stops(self) -> tuple[AgreementVersion, ...]:
        """Every version with effect that stops an agreement."""
        return tuple(
            version
            for versions in self.agreements.values()
            for version in versions
            if not version.missing and version.body.status is not AgreementStatus.IN_FORCE
        )

    def examine(self, parsed: ParsedDocument) -> Examination:
        """Decide whether a document would have effect beside the documents here."""
        return self._documents.examine(parsed)

    def newest_document(
        self, kind: DocumentKind, identity: str, *, version: int = 0, parties: tuple[str, ...] = ()
    ) -> AnyVersion | None:
        """The newest version of an id with effect. The next version must name its hash.

        Other parties may have the id of an AGREEMENT too, so `version` and `parties` of the next one count.
        """
        return self._documents.newest(kind, identity, version=version, parties=parties)


def load_governance(
    documents: Iterable[bytes], community: bytes | None = None, known_since: Mapping[bytes, int] = _NOTHING
) -> Governance:
    """Load SignedDocuments in any order. `community` is the hash of the first ROOT, 32 bytes.

    `known_since` is the time in ms when this node first had a document that stops an agreement, by its hash; a stop
    that it does not name counts from its `from`.

    DocumentInvalid if no ROOT has effect, or if there are several first ROOTs and no `community` was given. A document
    that breaks a rule, lacks signatures or conflicts with another has no effect and is listed in `problems`.
    """
    return Governance(collect(documents, community), known_since)
