"""Each option and argument of each command, given a value of 20,000 characters: the error repeats an excerpt only."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from node.errors import EXIT_BUG
from tests.node.cli.test_help import COMMANDS, command_at
from tests.support.contract import cli
from tests.support.processes import agreement, lab

LONG = "x" * 20_000
REPEATED = re.compile("[xX]{400}")
NO_ERRORS = {("run",), ("gateway", "run"), ("top",), ("lab",), ("follow",), ("broker", "local", "start")}
"""Commands that run on, or that start something."""

WITH_VALUE = {("broker", "rights", "cluster")}
"""Options whose value is a part of the answer."""


def calls() -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """A command, and its arguments with one that is long."""
    for words in COMMANDS:
        parameters = [found for found in command_at(words).params if not getattr(found, "is_flag", False)]
        for long in parameters:
            if words not in NO_ERRORS and (*words, long.name) not in WITH_VALUE:
                yield words, [part for found in parameters for part in _given(found, long)]


def _given(parameter: Any, long: Any) -> list[str]:
    value = LONG if parameter is long else "y"
    if parameter.param_type_name == "argument":
        return [value]
    return [max(parameter.opts, key=len), value] if parameter is long or parameter.required else []


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of BZ."""
    return lab(tmp_path_factory.mktemp("long"), ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))["BZ"]


def test_a_long_argument_is_not_repeated_and_is_no_bug(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tried = list(calls())
    wrong = []
    for words, given in tried:
        ran = cli(*words, *given, env={"ENLACE_HOME": str(home)})
        if ran.exit == EXIT_BUG or REPEATED.search(ran.out + ran.err):
            wrong.append((words, [part[:20] for part in given], ran.exit))

    assert len(tried) > 150
    assert wrong == []
