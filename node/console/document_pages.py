"""The governance documents: their validity, and whose signatures each of them has."""

from collections import Counter
from typing import Final

from node.console.page_types import ANY_SCOPE, Answer, ConsolePage, View, Visit, address
from node.overviews.documents import ListedDocument, list_documents
from schemas.types import DocumentKind

DOCUMENTS_ON_PAGE_MAX: Final = 50
FILE_NAME_CHARACTERS_MAX: Final = 255


async def documents(visit: Visit) -> Answer:
    """One page of the documents, by file name; `kind` narrows it."""
    kind = visit.asked("kind").upper()
    kind = kind if kind in DocumentKind.__members__ else ""
    listed = await list_documents(
        visit.served.home,
        visit.served.intake.documents.current(),
        kind=kind or None,
        after=visit.asked("after")[:FILE_NAME_CHARACTERS_MAX],
        limit=DOCUMENTS_ON_PAGE_MAX,
    )
    now = visit.served.now_ms()
    has_next = len(listed) == DOCUMENTS_ON_PAGE_MAX
    values = {
        "documents": [(document, _state(document, now), _signatures(document)) for document in listed],
        "kinds": tuple(DocumentKind.__members__),
        "kind": kind,
        "next": address("/documents", kind=kind, after=listed[-1].file) if has_next else None,
        "is_later": bool(visit.asked("after")),
    }
    return View(template="documents.html", title="documents.title", values=values)


def _state(document: ListedDocument, now: int) -> str:
    """valid, future, expired or without_effect."""
    if document.answer is None or not document.answer.valid:
        return "without_effect"
    if document.begins_at is not None and now < document.begins_at:
        return "future"
    return "expired" if document.ends_at is not None and now >= document.ends_at else "valid"


def _signatures(document: ListedDocument) -> list[tuple[tuple[str, bool], int]]:
    """Signer and validity with the number of keys: a node signs with each key that its document introduces."""
    found = document.answer.signatures if document.answer is not None else ()
    return sorted(Counter((signature.signer or "", signature.valid) for signature in found).items())


PAGES: Final = (ConsolePage(path="/documents", scopes=ANY_SCOPE, handle=documents, menu="menu.documents"),)
