"""The agreements that are installed at this node: parties, clauses and signatures, and whether they are in force."""

from dataclasses import dataclass

from node.answers.cursors import cursor_text, parse_cursor
from node.trust.document_versions import AgreementVersion
from node.trust.governance import Governance
from schemas.formats import time_text
from schemas.types import Clause


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementAnswer:
    """One version of an agreement."""

    id: str
    version: int
    hash: bytes
    parties: tuple[str, ...]
    status: str
    """IN_FORCE, or the status that stops it."""

    in_force: bool
    """Now. False also if a signature is missing."""

    not_before: str
    not_after: str
    """Times are RFC 3339, or a number of ms if they are outside the years 1 to 9999."""

    signatures: tuple[str, ...]
    """Parties that signed it."""

    missing: tuple[str, ...]
    """Parties that did not."""

    clauses: tuple[Clause, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementPage:
    """Some agreements, by id and version."""

    agreements: tuple[AgreementAnswer, ...]
    next: str | None
    """The cursor of the next page; None: there is none."""


def list_agreements(governance: Governance, *, now_ms: int, limit: int, after: str | None) -> AgreementPage:
    """The versions after a cursor, at most `limit`. Raises UsageError for a wrong cursor."""
    last = parse_cursor(after, (str, int))
    versions = sorted((version for versions in governance.agreements.values() for version in versions), key=_place)
    beyond = [version for version in versions if last is None or _place(version) > last]
    page = beyond[:limit]
    return AgreementPage(
        agreements=tuple(_answer(version, now_ms) for version in page),
        next=cursor_text(_place(page[-1])) if len(beyond) > limit else None,
    )


def _place(version: AgreementVersion) -> tuple[str, int]:
    return version.id, version.document.version


def _answer(version: AgreementVersion, now_ms: int) -> AgreementAnswer:
    body = version.body
    return AgreementAnswer(
        id=version.id,
        version=version.document.version,
        hash=version.hash,
        parties=tuple(body.parties),
        status=body.status.value,
        in_force=not version.missing and version.in_force(now_ms),
        not_before=_time(version.document.from_),
        not_after=_time(version.document.until),
        signatures=tuple(party for party in body.parties if party not in version.missing),
        missing=version.missing,
        clauses=tuple(body.clauses),
    )


def _time(ms: int) -> str:
    try:
        return time_text(ms)
    except OverflowError:
        return str(ms)
