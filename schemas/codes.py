"""Code lists of the field: versioned data beside this module, read once.

Codes are strings in Avro: a symbol cannot be `1` or `TLP:AMBER+STRICT`, and a reader would turn an unknown symbol into
its default. The `.avsc` files say which field takes codes of which list (`codes`, or `suggests` where any other text is
lawful too).

A list may grow. Each version of a list has a copy in `schemas/released/N/codes` that never changes, and a later version
keeps every code of it (docs/decisions/0018).
"""

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

from schemas.schema_files import RELEASED

FOLDER: Final = Path(__file__).parent / "codes"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeList:
    """One list."""

    name: str
    version: str
    source: str
    """The law or standard from which the list is taken."""

    texts: dict[str, str] = field(repr=False)
    """What each code means, in the order of the source. Do not change the dict."""

    codes: frozenset[str] = field(repr=False)
    ordered: tuple[str, ...] = field(repr=False)
    """The codes in the order of the source."""


@cache
def load(name: str) -> CodeList:
    """The list of that name. Raises KeyError if there is none."""
    if name not in names():
        raise KeyError(f"no code list {name!r}; there are {', '.join(names())}")
    return read(FOLDER / f"{name}.json")


def read(path: Path) -> CodeList:
    """The list in one file."""
    data = json.loads(path.read_text(encoding="utf-8"))
    texts = {entry["code"]: entry["text"] for entry in data["codes"]}
    return CodeList(
        name=data["name"],
        version=data["version"],
        source=data["source"],
        texts=texts,
        codes=frozenset(texts),
        ordered=tuple(texts),
    )


@cache
def names() -> tuple[str, ...]:
    """All lists."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.json")))


def released() -> list[CodeList]:
    """Every released version of every list, oldest first."""
    return [read(path) for path in sorted(RELEASED.glob("*/codes/*.json"), key=lambda path: int(path.parts[-3]))]
