"""Reads the modules of `node`, `broker`, `enlace` and `schemas` from their files, without importing them."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).parents[1]
ROOTS: Final = ("schemas", "broker", "enlace", "node")
MIGRATIONS: Final = "node.database.migrations"  # history: each file is named for its change


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceModule:
    """One module as its file says it."""

    name: str
    """`node.reports.rules`"""

    file: str
    """`node/reports/rules.py`"""

    sentence: str
    """The first sentence of its docstring."""

    imports: frozenset[str]
    """The modules of the project that it imports, inside its functions too."""

    @property
    def package(self) -> str:
        """The folder that holds it: `node.reports`; `node` for a module directly in `node`."""
        return self.name.rpartition(".")[0]


def source_modules() -> dict[str, SourceModule]:
    """Every module by its name, in order; without `__init__` files and without migrations."""
    files = sorted(path for root in ROOTS for path in (PROJECT / root).rglob("*.py") if path.name != "__init__.py")
    trees = {_name_of(path): (path, ast.parse(path.read_text("utf-8"))) for path in files}
    return {
        name: SourceModule(
            name=name,
            file=path.relative_to(PROJECT).as_posix(),
            sentence=first_sentence(ast.get_docstring(tree) or ""),
            imports=frozenset(_imported(tree, trees)),
        )
        for name, (path, tree) in trees.items()
        if not name.startswith(MIGRATIONS)
    }


def first_sentence(docstring: str) -> str:
    """The text up to the first full stop that ends a sentence, on one line."""
    paragraph = " ".join(docstring.split("\n\n", maxsplit=1)[0].split())
    return re.split(r"(?<=\.) ", paragraph, maxsplit=1)[0]


def _name_of(path: Path) -> str:
    return path.relative_to(PROJECT).with_suffix("").as_posix().replace("/", ".")


def _imported(tree: ast.AST, known: Mapping[str, object]) -> Iterator[str]:
    """The modules of the project that a tree imports: `a.b` for `from a import b` if `a.b` is a module."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names if alias.name in known)
            case ast.ImportFrom(module=str() as module, names=names):
                named = (f"{module}.{alias.name}" for alias in names)
                yield from (name if name in known else module for name in named if name in known or module in known)
