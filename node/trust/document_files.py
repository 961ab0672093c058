"""Signs SignedDocuments, reads a folder of them and installs one into it.

Not here: the content of documents (compile_toml.py) and whether they have effect (governance.py). Rules:

- a file contains exactly one SignedDocument; in a documents folder its name is `<kind>-<id>-<version>-<hash>.signed`;
- only a document with effect is installed;
- installing a document again adds its signatures and removes none;
- a document that stops an agreement does not count before this node had it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from msgspec import structs

from node.errors import UsageError
from node.files import FOLDER_MODE, read_file, write_file
from node.primitives import frame
from node.sealing.private_keys import PrivateKeys
from node.trust import stops_known
from node.trust.admission import Examination
from node.trust.document_set import DocumentSet
from node.trust.governance import Governance, load_governance
from node.trust.signed_document import (
    DOCUMENT_SIZE_BYTES_MAX,
    DocumentInvalid,
    ParsedDocument,
    parse,
)
from schemas.avro.codec import encode, sorted_set
from schemas.types import DocumentKind, DocumentSignature

DOCUMENT_SUFFIX: Final = ".signed"
DOCUMENTS_FOLDER: Final = "documents"
_SIGN_HINT: Final = "install the document that lists the key first, and sign with a key that has not ended"
DOCUMENTS_MAX: Final = 10_000  # 64 members and a thousand agreements with their versions


def file_name(parsed: ParsedDocument) -> str:
    """The file name, in lower case. Other characters become hyphens; part of the hash makes it unique."""
    document = parsed.document
    name = re.sub(r"[^a-z0-9-]+", "-", f"{document.kind}-{document.id}-{document.version}".lower())
    return f"{name}-{parsed.hash.hex()[:8]}{DOCUMENT_SUFFIX}"


def to_bytes(parsed: ParsedDocument) -> bytes:
    """The encoded SignedDocument with its signatures."""
    return encode(parsed.signed)


def examine(parsed: ParsedDocument, governance: Governance | None) -> Examination:
    """Decide whether a document has effect beside the installed ones. Only a first ROOT needs none (UsageError)."""
    if governance is not None:
        return governance.examine(parsed)
    if parsed.document.kind is not DocumentKind.ROOT or parsed.document.version != 1:
        raise UsageError("root_missing", "no ROOT is installed", hint="install the community's documents first")
    return DocumentSet(community=parsed.hash).examine(parsed)


def sign(
    parsed: ParsedDocument, keys: PrivateKeys, governance: Governance | None, *, now: int | None = None
) -> ParsedDocument:
    """Add the signatures by `keys` that count: of a party, of a trustee, or of keys that the document introduces.

    UsageError if no key counts for this document. With `now` (ms), a key that has ended does not sign, even if the
    document begins earlier.
    """
    counting = [
        key for key in examine(parsed, governance).counted if now is None or key.until is None or now < key.until
    ]
    counted = {listed.key_id for listed in counting}
    signing = [key for key in keys.keys if key.key_id in counted]
    if parsed.document.kind is DocumentKind.AGREEMENT:
        signing = signing[-1:]  # one AGREE key of a party is enough: the newest
    if not signing:
        message = f"no key of {keys.node} counts for {parsed.name}"
        raise UsageError("key_not_counted", message, hint=_SIGN_HINT)
    data = frame("enlace/1 document", parsed.signed.document)
    return _with(parsed, (DocumentSignature(key_id=key.key_id, signature=key.sign(data)) for key in signing))


def merge(kept: ParsedDocument, added: ParsedDocument, governance: Governance | None) -> ParsedDocument:
    """The document `kept` with the signatures of both. A valid signature is kept, an invalid one may be replaced."""
    valid = {check.key_id for check in examine(kept, governance).signatures if check.valid}
    return _with(kept, (signature for signature in added.signed.signatures if signature.key_id not in valid))


def _with(parsed: ParsedDocument, signatures: Iterable[DocumentSignature]) -> ParsedDocument:
    by_key = {signature.key_id: signature for signature in (*parsed.signed.signatures, *signatures)}
    return replace(parsed, signed=structs.replace(parsed.signed, signatures=sorted_set(by_key.values())))


def read(path: Path) -> ParsedDocument:
    """Read and parse the document of a file. UsageError if the file cannot be read or the document breaks a rule."""
    try:
        return parse(read_file(path, DOCUMENT_SIZE_BYTES_MAX, pipe=True))
    except DocumentInvalid as error:
        raise DocumentInvalid(error.code, f"{path}: {error.message}", path=error.path, hint=error.hint) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentFolder:
    """The content of a documents folder."""

    governance: Governance
    problems: tuple[tuple[Path, UsageError], ...]
    """Files that cannot be read or have no effect, also those that only lack signatures. A daemon continues."""


def read_folder(folder: Path, community: bytes | None = None, *, now: int | None = None) -> DocumentFolder:
    """Load all documents of a folder. No private key is needed.

    With `now` (ms), documents that stop an agreement and are new here are noted with this time (stops_known.py).
    UsageError if the folder contains no first ROOT, or not the one of `community`.
    """
    files = sorted(folder.glob(f"*{DOCUMENT_SUFFIX}"))
    if len(files) > DOCUMENTS_MAX:
        message = f"{folder} contains more than {DOCUMENTS_MAX} documents"
        raise UsageError("documents_too_many", message, path=str(folder))
    files, contents, unreadable = _read_files(files)
    known = stops_known.read(folder, now)
    try:
        governance = load_governance(contents, community, known)
    except DocumentInvalid as error:
        error.path = error.path or str(folder)
        raise
    new = [stop.hash for stop in governance.stops() if stop.hash not in known]
    if new and now is not None:
        stops_known.note(folder, new, now)
        governance = load_governance(contents, community, stops_known.read(folder, now))
    return DocumentFolder(
        governance=governance,
        problems=(*unreadable, *((files[problem.index], problem.error) for problem in governance.problems)),
    )


def _read_files(files: Iterable[Path]) -> tuple[list[Path], list[bytes], list[tuple[Path, UsageError]]]:
    """The files that can be read, their contents, and the others: a bad file concerns itself alone."""
    read_ones, contents, unreadable = list[Path](), list[bytes](), list[tuple[Path, UsageError]]()
    for file in files:
        try:
            contents.append(read_file(file, DOCUMENT_SIZE_BYTES_MAX))
            read_ones.append(file)
        except UsageError as error:
            unreadable.append((file, error))
    return read_ones, contents, unreadable


def read_folder_if_any(folder: Path, community: bytes | None = None) -> Governance | None:
    """The governance of a folder, or None if the folder contains no document."""
    return read_folder(folder, community).governance if any(folder.glob(f"*{DOCUMENT_SUFFIX}")) else None


def install(parsed: ParsedDocument, folder: Path, community: bytes | None = None, *, now: int | None = None) -> Path:
    """Write a document into the folder; returns its file. UsageError if the document has no effect there.

    With `now` (ms), a document that stops an agreement counts from then, if it begins earlier.
    """
    governance = read_folder_if_any(folder, community)
    if governance is None and community is not None and parsed.hash != community:
        raise UsageError("root_missing", f"{parsed.name} is not the first ROOT of the configured community")
    path = folder / file_name(parsed)
    if path.exists():
        parsed = merge(read(path), parsed, governance)
    examination = examine(parsed, governance)
    if examination.problem:
        raise examination.problem
    if examination.missing:
        message = f"{parsed.name} lacks signatures of {', '.join(examination.missing)}"
        raise UsageError("signatures_missing", message, path="signatures", hint="have it signed, then install it")
    folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
    write_file(path, to_bytes(parsed), replace=True)
    if now is not None:
        read_folder(folder, community, now=now)
    return path
