"""The answers about signed documents: what a document is, and whether it has effect beside the documents here."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from node.errors import UsageError
from node.trust import document_files
from node.trust.admission import Examination
from node.trust.document_signatures import SignatureCheck
from node.trust.governance import Governance
from node.trust.signed_document import ParsedDocument


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One signature of a document."""

    signer: str | None
    """The party, trustee or node; None for a key that no document here lists."""

    key_id: bytes
    valid: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """The rule that a document breaks."""

    code: str
    message: str
    path: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentAnswer:
    """A document, and whether it has effect beside the documents here."""

    kind: str
    id: str
    version: int
    hash: bytes
    valid: bool
    signatures: tuple[Signature, ...]
    missing: tuple[str, ...]
    """Who has to sign it still."""

    problem: Problem | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenDocument(DocumentAnswer):
    """A document that was written to a file."""

    file: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownDocument(DocumentAnswer):
    """A document with its content."""

    community: bytes
    root: bytes
    previous: bytes
    from_: str | int
    """Times are RFC 3339, or the number if that is outside the years 1 to 9999."""

    until: str | int
    body: dict[str, Any]
    """The body as JSON; its keys are those of the schema."""


def document_fields(parsed: ParsedDocument, governance: Governance | None) -> dict[str, Any]:
    """The fields of a DocumentAnswer."""
    try:
        examined = document_files.examine(parsed, governance)
    except UsageError as error:  # no document is installed here that it could be examined against
        unknown = tuple(
            SignatureCheck(signer=None, key_id=signature.key_id, valid=False) for signature in parsed.signed.signatures
        )
        examined = Examination(signatures=unknown, missing=(), counted=(), problem=error)
    problem = examined.problem
    return {
        "kind": parsed.document.kind.value,
        "id": parsed.document.id,
        "version": parsed.document.version,
        "hash": parsed.hash,
        "valid": examined.valid,
        "signatures": tuple(
            Signature(signer=check.signer, key_id=check.key_id, valid=check.valid) for check in examined.signatures
        ),
        "missing": tuple(examined.missing),
        "problem": Problem(code=problem.code, message=problem.message, path=problem.path) if problem else None,
    }
