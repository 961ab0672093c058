"""Each rule of the guarded modules, taken out alone, makes a test fail.

tests/support/mutants.py derives the mutants from the code, so a changed rule needs no line anywhere. `make slow` tries
every mutant. An ordinary run tries a sample, which changes only if the code changes. A test must fail when it is
called, and not because the mutant makes no sense (BROKEN in tests/support/mutation_run.py).
"""

import ast
import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.guarded import PROJECT, UNSEEN, modules, suites
from tests.support.mutants import compiled, mutants
from tests.support.mutation_run import MUTATION

SAMPLED: Final = 5
RUN_SECONDS_MAX: Final = 1800  # a minute or two on two idle cores
PYTEST: Final = (sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "tests.support.mutation_run")
OPTIONS: Final = ("-p", "no:cacheprovider", "-m", "not slow")


@cache
def source(module: str) -> str:
    """The text of a module."""
    return (PROJECT / module).read_text("utf-8")


@cache
def names(module: str) -> tuple[str, ...]:
    """The mutants of a module, those that no test can see included."""
    return tuple(mutant.name for mutant in mutants(ast.parse(source(module))))


def tried(module: str) -> list[str]:
    """The mutants of a module that a test must see."""
    return [name for name in names(module) if name not in UNSEEN.get(module, {})]


MODULES: Final = [module for module in modules() if tried(module)]


def sample() -> list[tuple[str, str]]:
    """Some mutants, each with its module, chosen by the bytes of the modules."""
    seed = hashlib.sha256("".join(source(module) for module in MODULES).encode()).digest()
    return random.Random(seed).sample([(module, name) for module in MODULES for name in tried(module)], SAMPLED)


def seen(module: str, chosen: Collection[str], folder: Path) -> dict[str, dict[str, Any] | None]:
    """Run the tests for each chosen mutant: its name -> the test that failed and what it raised, or None.

    The tests of the module come first, and those of other modules only for what is left.
    """
    found: dict[str, dict[str, Any] | None] = dict.fromkeys(chosen)
    for place, tests in enumerate(suites(module)):
        if left := [name for name, test in found.items() if test is None]:
            found |= run(module, left, tests, folder / str(place))
    return found


def run(module: str, chosen: Collection[str], tests: Collection[str], folder: Path) -> dict[str, dict[str, Any] | None]:
    """One run of pytest that tries each chosen mutant."""
    folder.mkdir()
    report = folder / "report"
    given = {"file": module, "names": list(chosen), "report": str(report)}
    ran = subprocess.run(
        [*PYTEST, *OPTIONS, f"--basetemp={folder / 'tests'}", *tests],
        cwd=PROJECT,
        env={**os.environ, MUTATION: json.dumps(given)},
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS_MAX,
        check=False,
    )
    assert ran.returncode == pytest.ExitCode.OK, ran.stdout + ran.stderr
    lines = [json.loads(line) for line in report.read_text("utf-8").splitlines()]
    assert {line["name"] for line in lines} == set(chosen)
    return {line["name"]: line["seen"] for line in lines}


def must_be_seen(module: str, chosen: Collection[str], folder: Path) -> None:
    """Fail unless a test fails for each of the mutants."""
    found = seen(module, chosen, folder)

    survivors = [name for name, test in found.items() if test is None]
    assert not survivors, f"{module}: write a test for these, or a reason into UNSEEN of tests/support/guarded.py"


@pytest.mark.parametrize(("module", "name"), sample())
def test_a_test_fails_where_a_rule_is_taken_out(module: str, name: str, tmp_path: Path) -> None:
    must_be_seen(module, [name], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("module", MODULES)
def test_a_test_fails_for_every_rule_of_a_module(module: str, tmp_path: Path) -> None:
    must_be_seen(module, tried(module), tmp_path)


# The machinery itself.


def test_a_mutant_that_changes_nothing_is_reported_as_not_seen(tmp_path: Path) -> None:
    """Otherwise the campaign could not fail."""
    module = "node/reports/field_checks.py"
    [shortcut] = [name for name in UNSEEN[module] if "boundary of len(values) > 1" in name]

    assert seen(module, [shortcut], tmp_path) == {shortcut: None}


@pytest.mark.parametrize("module", UNSEEN)
def test_an_exception_names_a_mutant_and_a_reason(module: str) -> None:
    assert set(UNSEEN[module]) <= set(names(module)), f"UNSEEN names what {module} does not have"
    assert all(UNSEEN[module].values())


EXAMPLE: Final = """
def allowed(limit, values, code):
    if not values and len(values) < limit or code in ("a", "b"):
        raise Rejected("too_few", f"{limit} are needed")
    values.sort()
    return max(limit, values[-1]) + 1
"""

CHANGES: Final = [
    "without not values and len(values) < limit",
    "without code in ('a', 'b')",
    "without not values",
    "without len(values) < limit",
    "boundary of len(values) < limit",
    "code in ('a', 'b') without 'a'",
    "code in ('a', 'b') without 'b'",
    "another code than too_few",
    "without step values.sort()",
    "max(limit, values[-1]) + 1 as max(limit, values[-1])",
    "max(limit, values[-1]) as limit",
    "max(limit, values[-1]) as values[-1]",
    "the first of values",
]


def test_the_mutants_of_a_function_are_its_rules() -> None:
    assert [mutant.change for mutant in mutants(ast.parse(EXAMPLE))] == CHANGES


def test_the_code_of_a_mutant_without_super_can_be_exchanged() -> None:
    """Code that uses no `super()` has another closure than the code before, and Python refuses to exchange them."""
    tree = ast.parse("class A(B):\n    def add(self, item):\n        super().add(item)\n")
    [change] = [mutant for mutant in mutants(tree) if mutant.change == "without step super().add(item)"]

    code = compiled(tree, change, "example.py")

    assert (code.co_freevars, "super" in code.co_names) == (("__class__",), False)
