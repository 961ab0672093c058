"""A pytest plugin that loads one module of the project with one text in it replaced; see test_mutation.py.

The mutation comes as JSON in the environment variable ENLACE_MUTATION: `file`, `old`, `new`, and `report`, the file to
which the plugin writes which tests failed and how, one JSON object a line. Compiled files are neither read nor written.
"""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Final

import pytest

MUTATION: Final = "ENLACE_MUTATION"


def mutated(source: str, old: str, new: str) -> str:
    """`source` with the only occurrence of `old` replaced."""
    if source.count(old) != 1:
        raise ValueError(f"{old!r} stands {source.count(old)} times in the source, not once")
    return source.replace(old, new)


class MutantLoader(SourceFileLoader):
    """Compiles its module from the mutated source."""

    def __init__(self, fullname: str, path: str, old: str, new: str) -> None:
        super().__init__(fullname, path)
        self._old, self._new = old, new

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - the name is that of the base class
        """Never from a compiled file."""
        source = Path(self.path).read_text("utf-8")
        return compile(mutated(source, self._old, self._new), self.path, "exec", dont_inherit=True)


class MutantFinder(MetaPathFinder):
    """Finds the one mutated module; all others are found as usual."""

    def __init__(self, file: str, old: str, new: str) -> None:
        self._module = file.removesuffix(".py").replace("/", ".")
        self._old, self._new = old, new

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of the mutated module."""
        if fullname != self._module:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.origin is not None:
            spec.loader = MutantLoader(fullname, spec.origin, self._old, self._new)
        return spec


if MUTATION in os.environ:
    _given = json.loads(os.environ[MUTATION])
    sys.meta_path.insert(0, MutantFinder(_given["file"], _given["old"], _given["new"]))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Iterator[None]:  # pragma: no cover - runs in a process of its own
        """Note each test that failed, with the class of what it raised."""
        report = yield
        if call.excinfo is not None:
            kinds = [kind.__name__ for kind in call.excinfo.type.__mro__]
            with Path(_given["report"]).open("a", encoding="utf-8") as file:
                file.write(json.dumps({"test": item.nodeid, "when": call.when, "kinds": kinds}) + "\n")
        return report
