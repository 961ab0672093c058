"""The signed documents of a laboratory exchange: a ROOT, a NODE for each node, and agreements signed by all parties."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import structlog

from broker.topology import Topology
from node.errors import UsageError
from node.limits import SUITE
from node.sealing.private_keys import PrivateKeys
from node.toml_reader import convert, parse_toml
from node.trust import document_files
from node.trust.clause_codes import unknown_codes
from node.trust.compile_toml import compile_text, document_of
from node.trust.governance import Governance, load_governance
from node.trust.signed_document import ParsedDocument
from schemas import types
from schemas.avro.codec import encode, sorted_set
from schemas.types import DocumentKind, KeyReason

log = structlog.get_logger()

THRESHOLD: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementText:
    """An agreement as TOML."""

    name: str
    text: str
    version: int


class SignedDocuments:
    """Signed documents of the exchange; after `take_effect`, later documents are compiled beside them."""

    def __init__(self, begin: int, end: int) -> None:
        self.documents: list[ParsedDocument] = []
        self.community = b""
        self._begin, self._end = begin, end
        self._governance: Governance | None = None

    def root(self, trustees: tuple[PrivateKeys, ...]) -> None:
        """The first ROOT."""
        listed = (types.Trustee(id=keys.node, key=self._listed(keys)[0]) for keys in trustees)
        body = types.Root(
            trustees=sorted_set(listed),
            threshold=THRESHOLD,
            revoke_threshold=1,
            registry_keys=(),
            resume=(),
        )
        self._add(self._document(DocumentKind.ROOT, "ROOT", body), trustees[:THRESHOLD])
        self.community = self.documents[0].hash
        self.take_effect()

    def node(self, keys: PrivateKeys, streams: Iterable[str], trustees: tuple[PrivateKeys, ...]) -> None:
        """Admit a node to all streams that the topology gives it."""
        body = types.Node(keys=sorted_set(self._listed(keys)), streams=sorted_set(streams), resume=())
        self._add(self._document(DocumentKind.NODE, keys.node, body), (keys, *trustees[:THRESHOLD]))

    def agreement(self, text: AgreementText, keys: dict[str, PrivateKeys], topology: Topology) -> None:
        """Compile an agreement and sign it for all its parties. A code that no list has is logged."""
        file = convert(types.AgreementFile, parse_toml(text.text, file=text.name), file=text.name)
        for unknown in unknown_codes(file, topology):
            log.warning(
                "clause_code_unknown", file=text.name, path=unknown.path, value=unknown.code, nearest=unknown.near
            )
        parsed = compile_text(
            DocumentKind.AGREEMENT, text.text, governance=self._governance, topology=topology, file=text.name
        )
        body = parsed.body
        parties = body.parties if isinstance(body, types.Agreement) else ()
        strangers = ", ".join(party for party in parties if party not in keys)
        if strangers:
            raise UsageError("party_unknown", f"{text.name}: {strangers} is not among the nodes", path="parties")
        self._add(parsed, (keys[party] for party in parties))

    def _listed(self, keys: PrivateKeys) -> tuple[types.Key, ...]:
        return tuple(
            types.Key(use=key.use, suite=SUITE, public=key.public, from_=self._begin, until=None, reason=KeyReason.NONE)
            for key in keys.keys
        )

    def _document(self, kind: DocumentKind, identity: str, body: types.Root | types.Node) -> ParsedDocument:
        return document_of(
            kind=kind,
            identity=identity,
            version=1,
            not_before=self._begin,
            not_after=self._end,
            body=body,
            governance=self._governance,
        )

    def _add(self, parsed: ParsedDocument, signers: Iterable[PrivateKeys]) -> None:
        for keys in signers:
            parsed = document_files.sign(parsed, keys, self._governance)
        self.documents.append(parsed)

    def take_effect(self) -> None:
        """From now on, all documents that were added have effect."""
        self._governance = load_governance(encode(document.signed) for document in self.documents)
