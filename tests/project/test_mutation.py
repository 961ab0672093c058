"""Each step and each condition of verifier and policy, taken out in turn, turns a named test red.

The table of what is changed and which test sees it is tests/mutations/. `make slow` tries every row; an ordinary run
holds the table against the code and tries a sample of it, which changes with the code and with nothing else.
"""

import ast
import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from tests.mutations.row import Mutation
from tests.mutations.table import FILES, MUTATIONS, WITHOUT
from tests.support.mutant import MUTATION, mutated

PROJECT: Final = Path(__file__).parents[2]
SAMPLED: Final = 5
ONE_RUN_SECONDS_MAX: Final = 120  # some seconds on two idle cores
PYTEST: Final = (
    sys.executable,
    "-m",
    "pytest",
    "-n",
    "0",
    "-q",
    "-p",
    "tests.support.mutant",
    "-p",
    "no:cacheprovider",
    "-m",
    "",
)
BROKEN: Final = frozenset({"ImportError", "SyntaxError", "NameError"})
"""How a test fails that saw nothing but a mutation that makes no sense."""


@cache
def source(file: str) -> str:
    """The text of a module."""
    return (PROJECT / file).read_text("utf-8")


def sample() -> list[str]:
    """Names of some mutations, drawn by the mutated modules' own bytes."""
    seed = hashlib.sha256("".join(source(file) for file in FILES).encode()).digest()
    return random.Random(seed).sample(sorted(MUTATIONS), SAMPLED)


def failures(mutation: Mutation, report: Path) -> dict[str, set[str]]:
    """Runs the named tests on the mutated code: test -> what it raised when called, with the classes above."""
    given = {"file": mutation.file, "old": mutation.old, "new": mutation.new, "report": str(report)}
    ran = subprocess.run(
        [*PYTEST, *mutation.tests],
        cwd=PROJECT,
        env={**os.environ, MUTATION: json.dumps(given)},
        capture_output=True,
        text=True,
        timeout=ONE_RUN_SECONDS_MAX,
        check=False,
    )
    assert ran.returncode in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}, ran.stdout + ran.stderr
    found: dict[str, set[str]] = {}
    for line in report.read_text("utf-8").splitlines() if report.exists() else ():
        entry = json.loads(line)
        if entry["when"] == "call":
            found.setdefault(entry["test"], set()).update(entry["kinds"])
    return found


def must_turn_red(name: str, tmp_path: Path) -> None:
    """Fails unless each test that the row names fails on the mutated code when it is called.

    By an assertion; or by an error in the code under test, where a record that is no longer refused breaks the reader.
    """
    mutation = MUTATIONS[name]
    found = failures(mutation, tmp_path / "report")

    for test in mutation.tests:
        seen = [kinds for node, kinds in found.items() if node == test or node.startswith(f"{test}[")]
        assert seen, f"{name}: {test} does not see the difference"
        assert not any(kinds & BROKEN for kinds in seen), f"{name}: the mutation itself is broken: {seen}"


@pytest.mark.parametrize("name", sample())
def test_a_named_test_turns_red_where_a_rule_is_taken_out(name: str, tmp_path: Path) -> None:
    must_turn_red(name, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(MUTATIONS.keys() - set(sample())))
def test_a_named_test_turns_red_for_each_other_rule_too(name: str, tmp_path: Path) -> None:
    must_turn_red(name, tmp_path)


# The table against the code.


@pytest.mark.parametrize("name", sorted(MUTATIONS))
def test_the_text_that_a_mutation_replaces_stands_once_in_the_code(name: str) -> None:
    mutation = MUTATIONS[name]
    changed = mutated(source(mutation.file), mutation.old, mutation.new)

    assert ast.dump(ast.parse(changed)) != ast.dump(ast.parse(source(mutation.file)))


@pytest.mark.parametrize("name", sorted(MUTATIONS))
def test_a_mutation_names_tests_that_exist(name: str) -> None:
    assert MUTATIONS[name].tests
    for test in MUTATIONS[name].tests:
        file, function = test.partition("[")[0].split("::")
        assert function in functions(file), test


@cache
def functions(file: str) -> frozenset[str]:
    """The functions that a file defines."""
    return frozenset(
        node.name
        for node in ast.walk(ast.parse(source(file)))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Something that can be taken out: where it begins and ends in the text, and the function in which it stands."""

    start: int
    end: int
    function: str
    text: str

    @property
    def name(self) -> str:
        """As WITHOUT lists it."""
        return f"{self.function}: {self.text}"


def sites(file: str) -> list[Site]:
    """Each condition, each refusal that no condition guards, and each step that is called for nothing but to refuse."""
    text = source(file)
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def site(function: str, begin: ast.expr | ast.stmt, end: ast.expr | ast.stmt) -> Site:
        first = starts[begin.lineno - 1] + begin.col_offset
        last = starts[(end.end_lineno or end.lineno) - 1] + (end.end_col_offset or 0)
        return Site(start=first, end=last, function=function, text=" ".join(text[first:last].split()))

    tree = ast.parse(text)
    return [
        site(function.name, *ends)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        for ends in removable(node)
    ]


def removable(node: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, ast.expr | ast.stmt]]:
    """Where each thing begins and ends that a mutation of this node takes out."""
    match node:
        case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
            yield from operands(test)
        case ast.comprehension(ifs=tests):
            for test in tests:
                yield from operands(test)
        case ast.Return(value=ast.BoolOp() | ast.Compare() as value):
            yield from operands(value)
        case ast.Assign(value=ast.BoolOp() | ast.Compare() as value):
            yield from operands(value)
        case ast.ExceptHandler(body=body):
            yield from ((one, one) for one in body if isinstance(one, ast.Raise))
        case ast.Expr(value=ast.Call()):
            yield node, node


def operands(test: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Each operand of `and` and `or`, each link of `a <= b <= c`."""
    match test:
        case ast.BoolOp(values=values):
            for value in values:
                yield from operands(value)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield from operands(operand)
        case ast.Compare(left=left, comparators=[*others]):
            yield from zip([left, *others[:-1]], others, strict=True)
        case _:
            yield test, test


def alike(one: str, other: str) -> int:
    """How many characters both begin with."""
    pairs = zip(one, other, strict=False)
    return next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def difference(file: str, mutation: Mutation) -> tuple[int, int]:
    """Where the text that a mutation changes begins and ends."""
    start = source(file).index(mutation.old)
    before = alike(mutation.old, mutation.new)
    after = alike(mutation.old[before:][::-1], mutation.new[before:][::-1])
    return start + before, start + len(mutation.old) - after


@pytest.mark.parametrize("file", FILES)
def test_each_condition_and_each_refusal_has_a_mutation_or_a_reason_why_not(file: str) -> None:
    changes = [difference(file, mutation) for mutation in MUTATIONS.values() if mutation.file == file]
    found = sites(file)
    bare = {
        site.name
        for site in found
        if not any(start < site.end and site.start < max(end, start + 1) for start, end in changes)
    }
    reasons = WITHOUT.get(file, {})

    assert bare - reasons.keys() == set(), f"add a row to tests/mutations/, or a reason to WITHOUT, for {file}"
    assert reasons.keys() <= {site.name for site in found}, f"WITHOUT names what {file} does not have"
    assert all(reasons.values())
