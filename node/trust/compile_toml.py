"""Compiles the TOML that people write into the Document that is signed.

Pure. Signing and files are in document_files.py. Rules ("Governance", and the contract's "Agreement"):

- the hashes of root and predecessor come from the installed documents, and the version must be the next one;
- lists become sets: sorted, without duplicates; `["*"]` is the only entry of its list;
- codes of clauses are known (clause_codes.py), if the caller wants that;
- the default of a key's `from` is the document's `not_before`; the default of a node's streams is all streams that the
  topology gives to the node;
- the result has passed the rules of signed_document.py.
"""

from collections.abc import Iterable
from datetime import datetime

from broker.topology import Topology, streams_of
from node.errors import UsageError
from node.limits import SUITE
from node.primitives import ZERO_HASH
from node.toml_reader import convert, parse_toml
from node.trust.clause_codes import check_codes
from node.trust.document_versions import ANY
from node.trust.governance import Governance
from node.trust.signed_document import ParsedDocument, parse
from schemas import types
from schemas.avro.codec import encode, sorted_set
from schemas.formats import time_ms
from schemas.types import DocumentKind


def compile_text(
    kind: DocumentKind,
    text: str,
    *,
    governance: Governance | None,
    topology: Topology,
    file: str,
    known_codes_only: bool = False,
) -> ParsedDocument:
    """Compile a TOML text into an unsigned document. UsageError names the key or the rule that is wrong.

    `governance` holds the installed documents; it is None only for the first ROOT. With `known_codes_only`, a code of
    a clause that no list has is refused.
    """
    tables = parse_toml(text, file=file)
    if kind is DocumentKind.ROOT:
        root = convert(types.RootFile, tables, file=file)
        body: types.Root | types.Node | types.Agreement = _root(root)
        source: types.RootFile | types.NodeFile | types.AgreementFile = root
        identity = "ROOT"
    elif kind is DocumentKind.NODE:
        node = convert(types.NodeFile, tables, file=file)
        body, source, identity = _node(node, topology), node, node.id
    else:
        agreement = convert(types.AgreementFile, tables, file=file)
        if known_codes_only:
            check_codes(agreement, topology)
        body, source, identity = _agreement(agreement), agreement, agreement.id
    return document_of(
        kind=kind,
        identity=identity,
        version=source.version,
        not_before=time_ms(source.not_before),
        not_after=time_ms(source.not_after),
        body=body,
        governance=governance,
    )


def document_of(
    *,
    kind: DocumentKind,
    identity: str,
    version: int,
    not_before: int,
    not_after: int,
    body: types.Root | types.Node | types.Agreement,
    governance: Governance | None,
) -> ParsedDocument:
    """Make an unsigned document that follows those of `governance`. UsageError if it cannot, or if it breaks a rule."""
    if not_before >= not_after:
        raise UsageError("value_invalid", "not_before must be earlier than not_after", path="not_before")
    if governance is None and (kind is not DocumentKind.ROOT or version != 1):
        raise UsageError("root_missing", "no ROOT is installed", hint="install the community's documents first")
    parties = body.parties if isinstance(body, types.Agreement) else ()
    newest = governance.newest_document(kind, identity, version=version, parties=parties) if governance else None
    expected = newest.document.version + 1 if newest else 1
    if version != expected:
        message = f"the next version of {kind} {identity} is {expected}, not {version}"
        raise UsageError("document_version", message, path="version", hint=f"write version = {expected}")
    try:
        document = types.Document(
            community=governance.community if governance else ZERO_HASH,
            root=governance.roots[-1].hash if governance else ZERO_HASH,
            kind=kind,
            id=identity,
            version=version,
            previous=newest.hash if newest else ZERO_HASH,
            from_=not_before,
            until=not_after,
            body=encode(body),
        )
        return parse(encode(types.SignedDocument(document=encode(document), signatures=())))
    except ValueError as error:  # a limit of the wire format that the TOML types do not check
        raise UsageError("value_invalid", str(error)) from None


def _optional_ms(time: datetime | None) -> int | None:
    return None if time is None else time_ms(time)


def _root(file: types.RootFile) -> types.Root:
    trustees = (
        types.Trustee(
            id=entry.id,
            key=types.Key(
                use=types.KeyUse.AGREE,
                suite=SUITE,
                public=entry.public,
                from_=time_ms(entry.from_ or file.not_before),
                until=_optional_ms(entry.until),
                reason=entry.reason,
            ),
        )
        for entry in file.trustee
    )
    return types.Root(
        trustees=sorted_set(trustees),
        threshold=file.threshold,
        revoke_threshold=file.revoke_threshold,
        registry_keys=_keys(file.registry_key, file.not_before),
        resume=_resume_heads(file.resume),
    )


def _node(file: types.NodeFile, topology: Topology) -> types.Node:
    streams = streams_of(topology, file.id) if file.streams is None else file.streams
    if not streams:
        message = f"the file names no streams, and no region of the topology lists {file.id}"
        raise UsageError("value_invalid", message, path="streams")
    keys = _keys(file.key, file.not_before)
    return types.Node(keys=keys, streams=sorted_set(streams), resume=_resume_heads(file.resume))


def _keys(entries: Iterable[types.KeyEntry], not_before: datetime) -> tuple[types.Key, ...]:
    return sorted_set(
        types.Key(
            use=entry.use,
            suite=SUITE,
            public=entry.public,
            from_=time_ms(entry.from_ or not_before),
            until=_optional_ms(entry.until),
            reason=entry.reason,
        )
        for entry in entries
    )


def _resume_heads(entries: Iterable[types.HeadEntry]) -> tuple[types.Head, ...]:
    return sorted_set(
        types.Head(
            originator=entry.originator, stream=entry.stream, next_sequence=entry.next_sequence, batch=entry.batch
        )
        for entry in entries
    )


def _agreement(file: types.AgreementFile) -> types.Agreement:
    ids = [entry.id for entry in file.clause]
    for index, clause_id in enumerate(ids):
        if clause_id in ids[:index]:
            raise UsageError("value_invalid", f"two clauses have the id {clause_id}", path=f"clause[{index}].id")
    return types.Agreement(
        parties=sorted_set(file.parties),
        clauses=sorted_set(_clause(entry, f"clause[{index}]") for index, entry in enumerate(file.clause)),
        status=file.status,
    )


def _clause(entry: types.ClauseEntry, path: str) -> types.Clause:
    def codes(name: str) -> tuple[str, ...]:
        listed: tuple[str, ...] = getattr(entry, name)
        if "*" in listed and listed != ANY:
            raise UsageError("value_invalid", f'{name}: "*" must be the only entry', path=f"{path}.{name}")
        return sorted_set(listed)

    return types.Clause(
        id=entry.id,
        from_=sorted_set(entry.from_),
        to=sorted_set(entry.to),
        retention_days_max=entry.retention_days_max,
        regions=codes("regions"),
        subjects=codes("subjects"),
        types=codes("types"),
        categories=codes("categories"),
        handling=codes("handling"),
        purposes=codes("purposes"),
        special_categories=entry.special_categories,
    )
