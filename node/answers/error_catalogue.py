"""`explain`: the meaning and the remedy of each code, from docs/errors.md.

That page is the only source; a wheel contains a copy beside this module. A code may have an entry in several sections.
"""

import difflib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from node.errors import UsageError
from node.files import read_text
from schemas.excerpts import excerpt

_PAGE: Final = "errors.md"
_PACKAGED: Final = Path(__file__).with_name(_PAGE)
_IN_CHECKOUT: Final = Path(__file__).parents[2] / "docs" / _PAGE
_CELLS: Final = re.compile(r"(?<!\\)\|")
_LINK: Final = re.compile(r"\[([^\]]*)\]\([^)]*\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueEntry:
    """One code in one section of the page."""

    code: str
    section: str
    """As `Errors of commands`."""

    exit: str | None
    """The exit code of the command, in a section that has one."""

    step: int | None
    """The step of the verification, in a section that has one."""

    meaning: str
    remedy: str


def explain(code: str) -> tuple[CatalogueEntry, ...]:
    """The entries of a code; UsageError `unknown_code` that names the nearest code."""
    found = entries().get(code)
    if found is None:
        nearest = difflib.get_close_matches(code.lower(), entries(), n=1, cutoff=0)
        hint = f"did you mean {nearest[0]}?" if nearest else None
        raise UsageError("unknown_code", f"{excerpt(code)} is not a code of this version", path="code", hint=hint)
    return found


def meaning(code: str) -> str | None:
    """What a code of a finding or a problem says; None for a code without an entry."""
    found = entries().get(code)
    return found[-1].meaning if found else None


def remedy(code: str) -> str | None:
    """What to do about a code of the verification, or of a finding about a stream; None for a code without an entry."""
    found = entries().get(code)
    return found[-1].remedy if found else None


@cache
def entries() -> dict[str, tuple[CatalogueEntry, ...]]:
    """Every entry of the page, by code, in the order of the page."""
    path = _PACKAGED if _PACKAGED.exists() else _IN_CHECKOUT
    found: dict[str, tuple[CatalogueEntry, ...]] = {}
    section, columns = "", list[str]()
    for line in read_text(path).splitlines():
        if line.startswith("#"):
            section, columns = line.lstrip("# "), []
        elif line.startswith("|"):
            cells = [_plain(cell) for cell in _CELLS.split(line)[1:-1]]
            if not columns:
                columns = cells
            elif set(cells[0]) != {"-"}:
                entry = _entry(section, dict(zip(columns, cells, strict=True)))
                found[entry.code] = (*found.get(entry.code, ()), entry)
    return found


def _entry(section: str, row: dict[str, str]) -> CatalogueEntry:
    return CatalogueEntry(
        code=row["code"].strip("`"),
        section=section,
        exit=row.get("exit"),
        step=int(row["step"]) if "step" in row else None,
        meaning=row["meaning"],
        remedy=row["remedy"],
    )


def _plain(cell: str) -> str:
    """A cell as text: without the address of a link and the backslash before a bar."""
    return _LINK.sub(r"\1", cell.strip().replace("\\|", "|"))
