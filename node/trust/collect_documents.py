"""Collects documents in the order in which they depend on each other: ROOTs, then NODEs, then AGREEMENTs.

Pure. Rules ("Governance"):

- the community is the hash of the first ROOT; it is configured, or there is only one first ROOT;
- one document in two files is one document with the signatures of both;
- versions of an id are examined in ascending order;
- if two documents with effect are the same version of an id, no version of that id has effect; documents that only
  stop an agreement or revoke keys have effect beside each other and beside another document of their version;
- agreements of other parties under the same id are others (agreement_lines.py).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from node.trust.admission import Examination
from node.trust.agreement_lines import Line, lines_of
from node.trust.document_set import DocumentProblem, DocumentSet, conflict
from node.trust.signed_document import DocumentInvalid, ParsedDocument, parse
from schemas.types import Agreement, DocumentKind

_INSTALL: Final = "install the documents of the community, the first ROOT first"
_ORDER: Final = (DocumentKind.ROOT, DocumentKind.NODE, DocumentKind.AGREEMENT)


_Place = tuple[int, str, bool, Line]
"""Order of the kind, id, whether a version belongs to no line, and line: () if it has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """A document and its index among those passed in."""

    index: int
    parsed: ParsedDocument


def collect(documents: Iterable[bytes], community: bytes | None) -> DocumentSet:
    """Examine SignedDocuments in order and keep those with effect. DocumentInvalid if no ROOT has effect."""
    problems: list[DocumentProblem] = []
    merged: dict[bytes, _Entry] = {}
    for index, data in enumerate(documents):
        try:
            parsed = parse(data)
        except DocumentInvalid as error:
            problems.append(DocumentProblem(index=index, name=None, error=error))
            continue
        known = merged.get(parsed.hash)
        merged[parsed.hash] = _with_signatures(known, parsed) if known else _Entry(index=index, parsed=parsed)
    chosen = _choose_community([entry.parsed for entry in merged.values()], community)
    collected = DocumentSet(community=chosen, problems=problems)
    for (order, identity, _, line), versions in sorted(_by_id(merged.values()).items()):
        if not _add_versions(collected, versions):
            collected.drop(_ORDER[order], identity, line)
    if not collected.roots:
        reasons = "; ".join(problem.error.message for problem in problems)
        raise DocumentInvalid("root_missing", f"no ROOT has effect: {reasons}", hint=_INSTALL)
    return collected


def _with_signatures(known: _Entry, other: ParsedDocument) -> _Entry:
    # Two signatures by one key may both be kept: a wrong one must not replace a right one.
    signed = known.parsed.signed
    signatures = tuple(dict.fromkeys((*signed.signatures, *other.signed.signatures)))
    return replace(known, parsed=replace(known.parsed, signed=msgspec.structs.replace(signed, signatures=signatures)))


def _choose_community(documents: Iterable[ParsedDocument], community: bytes | None) -> bytes:
    first_roots = [
        parsed.hash
        for parsed in documents
        if parsed.document.kind is DocumentKind.ROOT and parsed.document.version == 1
    ]
    if community is not None:
        if community not in first_roots:
            message = "the first ROOT of the configured community is not here"
            raise DocumentInvalid("root_missing", message, hint=_INSTALL)
        return community
    if not first_roots:
        raise DocumentInvalid("root_missing", "0 first ROOTs are here; one is needed", hint=_INSTALL)
    if len(first_roots) > 1:
        message = f"{len(first_roots)} first ROOTs are here; one is needed"
        raise DocumentInvalid("root_ambiguous", message, hint="configure node.community")
    return first_roots[0]


def _by_id(documents: Iterable[_Entry]) -> dict[_Place, dict[int, list[_Entry]]]:
    """The versions of each id, and of each line of an AGREEMENT: version -> its documents."""
    same_id: dict[tuple[int, str], list[_Entry]] = {}
    for entry in documents:
        document = entry.parsed.document
        same_id.setdefault((_ORDER.index(document.kind), document.id), []).append(entry)
    groups: dict[_Place, dict[int, list[_Entry]]] = {}
    for (order, identity), entries in same_id.items():
        lines = lines_of(entry.parsed for entry in entries)
        for entry in entries:
            line = lines.get(entry.parsed.hash, ())
            versions = groups.setdefault((order, identity, not line, line), {})
            versions.setdefault(entry.parsed.document.version, []).append(entry)
    return groups


def _add_versions(collected: DocumentSet, versions: Mapping[int, list[_Entry]]) -> bool:
    """Add the documents of one id that have effect; False if two of them are the same version."""
    for _, candidates in sorted(versions.items()):
        examined = [(entry, collected.examine(entry.parsed)) for entry in candidates]
        for entry, examination in examined:
            if not examination.valid:
                _note_problem(collected, entry, examination)
        valid = [(entry, examination) for entry, examination in examined if examination.valid]
        exclusive = [entry for entry, examination in valid if not examination.stops]
        if len(exclusive) > 1:
            collected.problems.extend(
                DocumentProblem(index=entry.index, name=entry.parsed.name, error=conflict(entry.parsed))
                for entry in exclusive
            )
            return False
        for entry, examination in valid:
            collected.add(entry.parsed, examination)
    return True


def _note_problem(collected: DocumentSet, entry: _Entry, examination: Examination) -> None:
    parsed = entry.parsed
    error = examination.problem or DocumentInvalid(
        "signatures_missing", f"{parsed.name} lacks signatures of {', '.join(examination.missing)}", path="signatures"
    )
    collected.problems.append(DocumentProblem(index=entry.index, name=parsed.name, error=error))
    if isinstance(parsed.body, Agreement) and examination.problem is None:
        collected.add_unsigned(parsed, parsed.body, examination.missing)
