"""Finds codes in the clauses of an agreement that no list has: such a code matches nothing, so it may be misspelled.

Pure. A list may grow, so an agreement may name a code of a later list if its file says so (`later_codes`). A version
that is not IN_FORCE admits nothing and is not checked: it must repeat the clauses that it stops.
"""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from broker.topology import Topology
from node.errors import UsageError
from node.trust.document_versions import ANY
from schemas import codes
from schemas.types import AgreementFile, AgreementStatus, LabelKind

_LISTS: Final[Mapping[str, str]] = {
    "subjects": "subjects",
    "categories": "categories",
    "handling": "handling",
    "purposes": "purposes",
}
"""Key of a clause -> code list of the field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownCode:
    """A code of a clause that is in no list."""

    path: str
    code: str
    near: str | None
    """The nearest code of the list."""

    @property
    def message(self) -> str:
        """What is wrong, and what may have been meant."""
        meant = f", did you mean {self.near}?" if self.near else ""
        return f"{self.path}: {self.code} is not in the list{meant}"


def check_codes(file: AgreementFile, topology: Topology) -> None:
    """Raise UsageError `code_unknown` with every unknown code."""
    if unknown := unknown_codes(file, topology):
        message = "; ".join(code.message for code in unknown)
        hint = "correct it; a code that only a later list has is allowed if later_codes names it"
        raise UsageError("code_unknown", message, path=unknown[0].path, hint=hint)


def unknown_codes(file: AgreementFile, topology: Topology) -> list[UnknownCode]:
    """Every code that is in no list and not in `later_codes`. Regions are those of the topology."""
    if file.status is not AgreementStatus.IN_FORCE:
        return []
    known = {name: codes.load(list_).ordered for name, list_ in _LISTS.items()}
    known["types"] = tuple(kind.value for kind in LabelKind)
    known["regions"] = tuple(region.id for region in topology.regions)
    return [
        UnknownCode(path=f"clause[{index}].{name}", code=code, near=_near(code, listed))
        for index, entry in enumerate(file.clause)
        for name, listed in known.items()
        for code in _unknown(getattr(entry, name), listed, file.later_codes)
    ]


def _unknown(named: Iterable[str], listed: Iterable[str], later: Iterable[str]) -> list[str]:
    return [code for code in named if code not in (*ANY, *listed, *later)]


def _near(code: str, listed: Iterable[str]) -> str | None:
    """The nearest known code; None if none is near."""
    by_upper = {known.upper(): known for known in listed}
    near = difflib.get_close_matches(code.upper(), by_upper, n=1)
    return by_upper[near[0]] if near else None
