"""Who belongs to the community, which keys are whose, and which agreements are in force: one immutable value.

Pure: documents come in as bytes, time is an argument. What a document must satisfy alone is in signed.py, beside its
predecessor and signers in admission.py, in which order documents are taken up in register.py; this module answers
questions, quickly. Rules ("Governance"):

- keys are read from the newest version known, whatever its time; everything else from the version of the time asked;
- a document at t is its highest version with from <= t, and past its `until` it fails closed;
- a document without effect answers no question; `problems` and `considered` name it.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from broker.streams import REGISTRY, REGISTRY_STREAMS
from node.trust.admission import Examination
from node.trust.collect_documents import DocumentProblem, DocumentSet, collect
from node.trust.document_versions import AgreementVersion, ClauseInForce, ListedKey, NodeVersion, RootVersion
from node.trust.signed_document import ParsedDocument
from schemas.types import Clause, ClauseReference, DocumentKind, KeyUse


class Governance:
    """The documents that have effect, indexed. Made by `load_governance`; never changes."""

    def __init__(self, register: DocumentSet) -> None:
        self._register = register
        self.community: Final = register.community
        self.problems: Final[tuple[DocumentProblem, ...]] = tuple(register.problems)
        self.roots: Final[tuple[RootVersion, ...]] = tuple(register.roots)
        self.nodes: Final[Mapping[str, tuple[NodeVersion, ...]]] = {
            code: tuple(versions) for code, versions in sorted(register.nodes.items())
        }
        self.agreements: Final[Mapping[str, tuple[AgreementVersion, ...]]] = register.agreement_versions()
        self._keys = register.keys()
        self._keys_of: dict[tuple[str, KeyUse], list[ListedKey]] = {}
        for key in self._keys.values():
            self._keys_of.setdefault((key.node, key.use), []).append(key)
        self._index_agreements()

    def _index_agreements(self) -> None:
        self._by_hash: dict[bytes, AgreementVersion] = {}
        self._clauses: dict[tuple[bytes, str], Clause] = {}
        self._between: dict[tuple[str, str], list[AgreementVersion]] = {}
        self._allowing: dict[tuple[str, str], list[ClauseInForce]] = {}
        for version in (version for versions in self.agreements.values() for version in versions):
            for one in version.body.parties:
                for other in version.body.parties:
                    self._between.setdefault((one, other), []).append(version)
            if version.missing:
                continue
            self._by_hash[version.hash] = version
            for clause in version.body.clauses:
                self._clauses[version.hash, clause.id] = clause
                if version.in_force_from < version.in_force_until:
                    for pair in ((one, other) for one in clause.from_ for other in clause.to if one != other):
                        self._allowing.setdefault(pair, []).append((version, clause))

    def node_at(self, code: str, t: int) -> NodeVersion | None:
        """Highest NODE version with from <= t; ask `valid_at(t)` of it, as it may be past its `until`."""
        versions = self.nodes.get(code, ())
        return next((version for version in reversed(versions) if version.document.from_ <= t), None)

    def members(self, t: int) -> tuple[str, ...]:
        """Codes of all nodes whose NODE document is valid at t, sorted."""
        return tuple(code for code in self.nodes if self.node_valid(code, t))

    def node_valid(self, code: str, t: int) -> bool:
        """Whether the node has a document at t that is valid then."""
        version = self.node_at(code, t)
        return version is not None and version.valid_at(t)

    def may_write(self, code: str, stream: str, t: int) -> bool:
        """Step 3: whether the document at t lets the node write this stream, be that document still valid or not."""
        if code == REGISTRY:
            return stream in REGISTRY_STREAMS
        version = self.node_at(code, t)
        return version is not None and stream in version.body.streams

    def key(self, key_id: bytes) -> ListedKey | None:
        """A key of a node, of the registry (node is REGISTRY) or of a trustee of the newest ROOT, by its id."""
        return self._keys.get(key_id)

    def encrypt_keys(self, code: str, t: int) -> tuple[ListedKey, ...]:
        """Keys to wrap an audience key for at t; none if the node's document is not valid then."""
        if not self.node_valid(code, t):
            return ()
        return tuple(key for key in self._keys_of.get((code, KeyUse.ENCRYPT), ()) if key.valid_at(t))

    def agreement_by_hash(self, document_hash: bytes) -> AgreementVersion | None:
        """The version with effect whose document has this hash, in force or not."""
        return self._by_hash.get(document_hash)

    def clause(self, reference: ClauseReference) -> ClauseInForce | None:
        """The clause that a grant names; whether it is in force is for `AgreementVersion.in_force`."""
        clause = self._clauses.get((reference.agreement, reference.clause))
        return None if clause is None else (self._by_hash[reference.agreement], clause)

    def clauses_in_force(self, originator: str, recipient: str, t: int) -> tuple[ClauseInForce, ...]:
        """Clauses in force at t by which the originator may send to the recipient, by agreement and clause id."""
        pairs = self._allowing.get((originator, recipient), ())
        return tuple(pair for pair in pairs if pair[0].in_force(t))

    def agreements_between(self, originator: str, recipient: str) -> tuple[AgreementVersion, ...]:
        """Every agreement version with both as parties, in force or not, by id and version: for explanations."""
        return tuple(self._between.get((originator, recipient), ()))

    def examine(self, parsed: ParsedDocument) -> Examination:
        """What would become of a document beside those that have effect here."""
        return self._register.examine(parsed)

    def document(self, kind: DocumentKind, identity: str) -> RootVersion | NodeVersion | AgreementVersion | None:
        """The newest version with effect of an id: the one that the next version must name."""
        return self._register.newest(kind, identity)


def load_governance(documents: Iterable[bytes], community: bytes | None = None) -> Governance:
    """Take up SignedDocuments, in any order. DocumentInvalid if there is no first ROOT, or several and no `community`.

    A document that breaks a rule, lacks signatures or contradicts another is listed under `problems` and has no effect.
    """
    return Governance(collect(documents, community))
