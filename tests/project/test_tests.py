"""Rules for the tests themselves, read from their syntax trees: each can fail, does not sleep, and says what it checks.

The exceptions stand here, each with a reason.
"""

import ast
from collections.abc import Iterator
from functools import cache
from typing import Final

from tests.support.lazy_trees import LazyTrees, python_files

FILES: Final = [file.removeprefix("tests/") for file in python_files("tests")]
TREES: Final = LazyTrees(python_files("tests"))
TEST_FILES: Final = [file for file in FILES if file.rpartition("/")[2].startswith("test_")]
WORDS_OF_A_SENTENCE_MIN: Final = 4

Function = ast.FunctionDef | ast.AsyncFunctionDef

SLEEPS: Final = {
    "broker/test_broker_local.py": "polls a process, which has no event to wait for",
    "node/serving/test_connections.py": "drips bytes: the time between them is what the test sends",
    "node/serving/test_slow_readers.py": "reads slowly: the time between two reads is what the test is about",
    "node/runtime/test_daemon_upgrade.py": "polls the store while the daemon runs in the same process",
}
"""Files with a wait of a fixed length -> why."""

WITHOUT_ASSERTION: Final[dict[str, str]] = {
    "test_a_table_takes_the_room_of_its_limit_and_no_more": "the function of the table in FILLS asserts",
}
"""Test -> why it asserts nothing."""

ALTERNATIVES: Final[dict[str, str]] = {
    "test_every_table_is_listed_with_its_budget_or_limit": "a table that only own users fill has no limit to name",
    "test_a_row_names_tests_that_exist_or_what_is_open": "a fault without a test says what is open",
    "test_an_agreement_names_parties_and_codes_that_exist": "a list is the wildcard or known codes",
}
"""Test -> why one of two results is enough."""


@cache
def functions(file: str) -> list[Function]:
    """All functions of a file, nested ones included."""
    return [node for node in ast.walk(TREES[f"tests/{file}"]) if isinstance(node, Function)]


@cache
def every_case() -> list[tuple[str, Function]]:
    """(file, test function) of all tests."""
    return [(file, each) for file in TEST_FILES for each in functions(file) if each.name.startswith("test_")]


def called(node: ast.AST) -> Iterator[str]:
    """The last names of what is called, or passed to be called: `raises` of `pytest.raises`."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            yield inner.id
        if isinstance(inner, ast.Attribute):
            yield inner.attr


def asserts(function: Function) -> bool:
    """Whether a function itself can fail by an assertion."""
    return any(isinstance(node, (ast.Assert, ast.Raise)) for node in ast.walk(function)) or bool(
        {"raises", "fail"} & set(called(function))
    )


@cache
def asserting() -> frozenset[str]:
    """Names of functions of the tests that assert, or that call one that does."""
    every = [function for file in FILES for function in functions(file)]
    uses = {function.name: set(called(function)) for function in every}
    found = {function.name for function in every if asserts(function)}
    while more := {name for name, names in uses.items() if name not in found and names & found}:
        found |= more
    return frozenset(found)


def test_every_test_asserts_something() -> None:
    """Itself, or by a helper that asserts."""
    bare = [
        f"{file}: {test.name}"
        for file, test in every_case()
        if test.name not in asserting() and test.name not in WITHOUT_ASSERTION
    ]

    assert not bare, "these tests can fail only by an error"


def test_an_assertion_does_not_accept_one_of_two_results() -> None:
    """Neither `assert a or b`, nor one of several exit codes."""
    loose = [
        f"{file}: {test.name}: {ast.unparse(node)}"
        for file, test in every_case()
        if test.name not in ALTERNATIVES
        for node in ast.walk(test)
        if isinstance(node, ast.Assert) and accepts_alternatives(node.test)
    ]

    assert not loose


def accepts_alternatives(test: ast.expr) -> bool:
    """Whether a condition holds for several results."""
    match test:
        case ast.BoolOp(op=ast.Or()):
            return True
        case ast.Compare(left=left, ops=[ast.In()], comparators=[ast.Set() | ast.Tuple() | ast.List()]):
            return any(word in ast.unparse(left) for word in ("exit", "returncode"))
    return False


def test_a_test_swallows_no_error() -> None:
    """`except ...: pass` hides what the test looks for; `contextlib.suppress` too."""
    swallowed = [
        f"{file}: {test.name}, line {node.lineno}"
        for file, test in every_case()
        for node in ast.walk(test)
        if (isinstance(node, ast.ExceptHandler) and isinstance(node.body[0], ast.Pass))
        or (isinstance(node, ast.Name) and node.id == "suppress")
    ]

    assert not swallowed


def test_nothing_sleeps_to_wait() -> None:
    """A test polls with a deadline, or waits for an event."""
    sleeping = {
        file
        for file in FILES
        for node in ast.walk(TREES[f"tests/{file}"])
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"time.sleep", "asyncio.sleep", "sleep"}
        and ast.unparse(node.args[0]) != "0"
    }

    assert sleeping == SLEEPS.keys()


def test_a_test_says_in_a_sentence_what_it_checks() -> None:
    """Its name is one, or its docstring."""
    mute = [
        f"{file}: {test.name}"
        for file, test in every_case()
        if len(test.name.split("_")) - 1 < WORDS_OF_A_SENTENCE_MIN and ast.get_docstring(test) is None
    ]

    assert not mute


def test_an_exception_names_a_test() -> None:
    names = {test.name for _, test in every_case()}

    assert {*WITHOUT_ASSERTION, *ALTERNATIVES} <= names
