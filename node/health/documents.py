"""What is wrong with the documents of a node: what cannot be read, what ends soon, and what keeps it from sealing.

Reads the folder as it is, and needs no private key.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from node.answers import error_catalogue
from node.errors import UsageError
from node.health.problem import Problem, problem
from node.runtime.home import Home
from node.runtime.renewals import certificates_of, renewals
from node.trust.document_files import DocumentFolder, read_folder
from node.trust.governance import Governance
from node.verification.own_work import why_not_sealed

UNREADABLE: Final = frozenset({"document_malformed", "file_too_large", "file_unreadable", "permission_denied"})
"""Codes of files that are no documents. A document that lacks signatures is not one of them: it is on its way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents:
    """The documents of a home as `status` found them."""

    governance: Governance | None
    """None if the folder cannot be used."""

    problems: tuple[Problem, ...]


def look_at_documents(home: Home, now: int) -> Documents:
    """Read the folder of documents; `now` in ms."""
    try:
        folder = read_folder(home.documents_folder, home.config.node.community)
    except UsageError as error:
        unusable = problem("documents_unusable", str(home.documents_folder), f"{error.code}: {error.message}")
        return Documents(governance=None, problems=(unusable,))
    found = [*_unreadable(folder), *_sealing(folder.governance, home.node, now), *_renewals(home, folder, now)]
    return Documents(governance=folder.governance, problems=tuple(found))


def _unreadable(folder: DocumentFolder) -> Iterable[Problem]:
    for path, error in folder.problems:
        if error.code in UNREADABLE:
            yield problem("document_unreadable", path.name, f"{error.code}: {error.message}")


def _sealing(governance: Governance, node: str, now: int) -> Iterable[Problem]:
    """What the node's own verification would refuse to seal now, as far as documents decide it."""
    if (reason := why_not_sealed(governance, node, now)) is not None:
        yield problem("sealing_refused", node, f"nothing is sealed: {reason}")


def _renewals(home: Home, folder: DocumentFolder, now: int) -> Iterable[Problem]:
    """Documents, keys and certificates that end within 30 days or have ended."""
    for warning in renewals(folder.governance, home.node, certificates_of(home), now):
        yield Problem(
            code=warning.code,
            since=warning.since,
            subject=warning.subject,
            message=warning.message,
            hint=error_catalogue.remedy(warning.code),
        )
