"""The syntax trees of files, each parsed when a test needs it: every process of a test run collects all tests."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).parents[2]


class LazyTrees(Mapping[str, ast.Module]):
    """File below the root of the project -> its tree."""

    def __init__(self, files: Iterable[str]) -> None:
        self._trees: dict[str, ast.Module | None] = dict.fromkeys(files)

    def __getitem__(self, file: str) -> ast.Module:
        tree = self._trees[file]
        if tree is None:
            tree = self._trees[file] = ast.parse((PROJECT / file).read_text("utf-8"))
        return tree

    def __iter__(self) -> Iterator[str]:
        return iter(self._trees)

    def __len__(self) -> int:
        return len(self._trees)


def python_files(*folders: str) -> list[str]:
    """The Python files in folders of the project, in order, named from its root."""
    return sorted(path.relative_to(PROJECT).as_posix() for name in folders for path in (PROJECT / name).rglob("*.py"))
