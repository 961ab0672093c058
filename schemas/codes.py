"""Code lists of the field: versioned data beside this module, read once.

Codes are strings in Avro: a symbol can't be `1` or `TLP:AMBER+STRICT`, and a reader would turn an unknown symbol into
its default. Which field takes codes of which list stands in the `.avsc` files (`codes`, or `suggests` where any other
text is lawful too).
"""

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "codes"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeList:
    """One list."""

    name: str
    version: str
    source: str
    """The law or standard that it is taken from."""

    texts: dict[str, str] = field(repr=False)
    """What each code means, in the order of the source. Not to be changed."""

    codes: frozenset[str] = field(repr=False)
    ordered: tuple[str, ...] = field(repr=False)
    """The codes in the order of the source."""


@cache
def load(name: str) -> CodeList:
    """The list of that name. Raises KeyError if there is none."""
    if name not in names():
        raise KeyError(f"no code list {name!r}; there are {', '.join(names())}")
    data = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
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
