"""A pytest plugin that runs the collected tests once for each mutant of a module; see tests/project/test_mutation.py.

The environment variable ENLACE_MUTATION holds JSON: `file`, the module; `names`, the mutants that are tried; `report`,
a file. The plugin writes one JSON object for each mutant to the report: its `name`, and in `seen` the test that failed
and the classes of what it raised. `seen` is null if no test failed.

All tests are imported once. For each mutant a child process exchanges the code of one function and runs the tests in
their order until one fails. A test that takes more than TEST_CPU_SECONDS_MAX ends the child: an endless loop is seen.
"""

import ast
import gc
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import _lru_cache_wrapper
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, Final

import pytest
from hypothesis import Phase, settings

from tests.support.mutants import Mutant, compiled, mutants

MUTATION: Final = "ENLACE_MUTATION"
TEST_CPU_SECONDS_MAX: Final = 30
BROKEN: Final = frozenset({"ImportError", "SyntaxError", "NameError"})
"""How a test fails that saw nothing but a mutant that makes no sense."""

UNSHRUNK: Final = (Phase.explicit, Phase.generate)  # a failure is enough, it need not be small
PROJECT: Final = Path(__file__).parents[2]

sound: set[str] = set()
"""Tests that pass without a mutant."""

failures: list[dict[str, Any]] = []
"""Tests of this process that failed when they were called."""


def exchange(file: str, name: str, code: CodeType) -> None:
    """Give every function of that file and qualified name another code, and forget what functions of `node` cached."""
    path = str(PROJECT / file)
    functions = [
        function
        for function in gc.get_objects()
        if isinstance(function, FunctionType)
        and function.__code__.co_filename == path
        and function.__code__.co_qualname == name
    ]
    assert functions, f"{name} of {file} was not imported"
    for function in functions:
        function.__code__ = code
    for cached in gc.get_objects():
        if isinstance(cached, _lru_cache_wrapper) and cached.__module__.startswith("node."):
            cached.cache_clear()


def first_failure(items: Sequence[pytest.Item], session: pytest.Session) -> dict[str, Any] | None:
    """Run tests in their order until one fails when it is called, and not for a mutant that makes no sense."""
    for item, following in zip(items, [*items[1:], None], strict=True):
        signal.setitimer(signal.ITIMER_PROF, TEST_CPU_SECONDS_MAX)  # its signal ends the process
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        seen = [failure for failure in failures if not BROKEN & set(failure["kinds"])]
        if seen:
            session._setupstate.teardown_exact(None)
            return seen[0]
    return None


def in_child(work: Callable[[], None]) -> int:
    """Do something in a process of its own; returns the signal that ended it, or 0."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        return os.WTERMSIG(status)
    assert status == 0, "the process of a mutant failed"
    return 0


def try_mutant(session: pytest.Session, tree: ast.Module, mutant: Mutant, given: dict[str, Any]) -> None:
    """What the tests see of one mutant goes to the report.

    The test that saw it comes first for the next mutant, which is often a neighbour.
    """
    code = compiled(tree, mutant, str(PROJECT / given["file"]))

    def run() -> None:
        exchange(given["file"], mutant.function, code)
        note(given, mutant.name, first_failure(session.items, session))

    ended = in_child(run)
    if ended:
        note(given, mutant.name, {"test": signal.Signals(ended).name, "kinds": ["does not end"]})
    seen = json.loads(Path(given["report"]).read_text("utf-8").splitlines()[-1])["seen"]
    if seen is not None and not ended:
        session.items.sort(key=lambda item: item.nodeid != seen["test"])
        must_pass_unchanged(session)


def must_pass_unchanged(session: pytest.Session) -> None:
    """The first test must pass without a mutant, once for each test: a test that always fails sees nothing."""
    item = session.items[0]

    def run() -> None:
        seen = first_failure([item], session)
        assert seen is None

    if item.nodeid not in sound:
        try:
            in_child(run)
        except AssertionError:
            raise AssertionError(f"{item.nodeid} fails without a mutant too") from None
        sound.add(item.nodeid)


def note(given: dict[str, Any], name: str, seen: dict[str, Any] | None) -> None:
    """One line of the report."""
    with Path(given["report"]).open("a", encoding="utf-8") as file:
        file.write(json.dumps({"name": name, "seen": seen}) + "\n")


if MUTATION in os.environ:

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
        """Note each test that failed when called, with the classes of what it raised."""
        report = yield
        if call.excinfo is not None and call.when == "call" and not call.excinfo.errisinstance(pytest.skip.Exception):
            kinds = [kind.__name__ for kind in call.excinfo.type.__mro__]
            failures.append({"test": item.nodeid, "kinds": kinds})
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(session: pytest.Session) -> bool:
        """Instead of one run of the tests, one for each mutant."""
        if session.testsfailed:
            raise session.Interrupted("a test module could not be imported")
        settings.register_profile("mutation", deadline=None, derandomize=True, database=None, phases=UNSHRUNK)
        settings.load_profile("mutation")
        given = json.loads(os.environ[MUTATION])
        file = PROJECT / given["file"]
        tree = ast.parse(file.read_text("utf-8"))
        for mutant in mutants(tree):
            if mutant.name in given["names"]:
                sys.stdout.flush()
                try_mutant(session, tree, mutant, given)
        return True
