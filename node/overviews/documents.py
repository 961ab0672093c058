"""The signed documents in the folder of a home: what each is, when it is valid, and whose signatures it has."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from node.commands.document_answers import DocumentAnswer, document_fields
from node.errors import UsageError
from node.runtime.home import Home
from node.trust import document_files
from node.trust.document_files import DOCUMENT_SUFFIX
from node.trust.governance import Governance


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedDocument:
    """One file; a file that cannot be read has its error and nothing else."""

    file: str
    answer: DocumentAnswer | None
    begins_at: int | None
    """In ms; the document may name a time outside the calendar."""

    ends_at: int | None
    error: str | None


async def list_documents(
    home: Home, governance: Governance, *, kind: str | None, after: str, limit: int
) -> list[ListedDocument]:
    """The documents after the file name `after`, at most `limit`; of one kind if `kind` is set.

    Each signature is verified, so a page of a long list takes some time: in a thread, so that nothing else waits.
    """
    return await asyncio.to_thread(_listed, home.documents_folder, governance, kind, after, limit)


def _listed(folder: Path, governance: Governance, kind: str | None, after: str, limit: int) -> list[ListedDocument]:
    prefix = f"{kind.lower()}-" if kind else ""
    files = sorted(
        file for file in folder.glob(f"*{DOCUMENT_SUFFIX}") if file.name > after and file.name.startswith(prefix)
    )
    return [_read(file, governance) for file in files[:limit]]


def _read(file: Path, governance: Governance) -> ListedDocument:
    try:
        parsed = document_files.read(file)
    except UsageError as error:
        return ListedDocument(file=file.name, answer=None, begins_at=None, ends_at=None, error=error.message)
    return ListedDocument(
        file=file.name,
        answer=DocumentAnswer(**document_fields(parsed, governance)),
        begins_at=parsed.document.from_,
        ends_at=parsed.document.until,
        error=None,
    )
