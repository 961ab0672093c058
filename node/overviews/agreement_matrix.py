"""Who may give what to whom: the clauses in force at a time as a matrix of originators and recipients. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from node.trust.document_versions import AgreementVersion
from node.trust.governance import Governance
from schemas.types import AgreementStatus, Clause


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """A row for each originator, a column for each recipient."""

    codes: tuple[str, ...]
    """Of rows and columns: each node that is a party to an agreement."""

    without: tuple[str, ...]
    """Nodes that are parties to none."""

    rows: tuple[tuple[str, tuple[int | None, ...]], ...]
    """Originator and the number of clauses for each recipient; None where both are the same node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementRow:
    """One version of an agreement, and whether it is in force."""

    version: AgreementVersion
    state: str
    """in_force, unsigned, suspended, ended, future, expired or replaced."""

    clauses: tuple[Clause, ...]
    """Those that concern the pair that was asked for, or all."""


def matrix(governance: Governance, at: int) -> Matrix:
    """The matrix at the time `at` in ms."""
    parties = {
        party for versions in governance.agreements.values() for version in versions for party in version.body.parties
    }
    codes = tuple(sorted(parties))
    return Matrix(
        codes=codes,
        without=tuple(code for code in governance.nodes if code not in parties),
        rows=tuple(
            (
                giver,
                tuple(
                    None if giver == taker else len(governance.clauses_in_force(giver, taker, at)) for taker in codes
                ),
            )
            for giver in codes
        ),
    )


def agreement_rows(governance: Governance, at: int, giver: str | None, taker: str | None) -> list[AgreementRow]:
    """The newest version of each agreement, or those with a clause from `giver` to `taker`; in force first."""
    rows = []
    for versions in governance.agreements.values():
        for version in _shown(versions, at):
            clauses = tuple(
                clause
                for clause in version.body.clauses
                if (giver is None or giver in clause.from_) and (taker is None or taker in clause.to)
            )
            if clauses or (giver is None and taker is None):
                rows.append(AgreementRow(version=version, state=_state(version, at), clauses=clauses))
    return sorted(rows, key=lambda row: (row.state != "in_force", row.version.id, row.version.document.version))


def _shown(versions: Iterable[AgreementVersion], at: int) -> list[AgreementVersion]:
    """Of one agreement, the version in force and the newest one."""
    listed = list(versions)
    return [version for version in listed if version.in_force(at) or version is listed[-1]]


def _state(version: AgreementVersion, at: int) -> str:
    if version.in_force(at):
        return "in_force"
    if version.missing:
        return "unsigned"
    if version.body.status is not AgreementStatus.IN_FORCE:
        return version.body.status.value.lower()
    if at < version.document.from_:
        return "future"
    return "expired" if at >= version.document.until else "replaced"
