"""docs/limits.md lists each container that a daemon keeps between two transactions, with its bound.

The list is read from the syntax trees: attributes of classes that begin as an empty or computed container, and
functions that remember their results. What lives for one transaction only is in BRIEF.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.support.contract import code, tables

PROJECT: Final = Path(__file__).parents[2]
FOLDERS: Final = """
    broker/embedded broker/kafka broker node/database node/exchange node/health node/integrators node/outgoing
    node/retention node/runtime node/sealing node/sending node/serving node/sharing node/store node/undecided
    node/verification
""".split()  # noqa: SIM905 - a list of names reads best so
CONTAINERS: Final = re.compile(r"(dict|list|set|deque|OrderedDict|Queue)\b")
BRIEF: Final = {
    "node/exchange/gathering.py",
    "node/exchange/placing.py",
    "node/sending/seal_drafts.py",
    "node/store/messages.py",
    "node/store/receipts_due.py",
    "node/verification/chain.py",
    "node/verification/new_grants.py",
}
"""Files whose classes live for one transaction, of RECORDS_IN_TRANSACTION_MAX records or one fetch."""


def files() -> Iterator[Path]:
    for name in FOLDERS:
        path = PROJECT / name
        yield from [path] if path.is_file() else sorted(path.glob("*.py"))


def containers(tree: ast.Module) -> Iterator[str]:
    """`Class.attribute` and `function` of each container that outlives a call."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for inner in ast.walk(node):
                if isinstance(inner, ast.AnnAssign) and _is_container(inner):
                    name = inner.target.attr if isinstance(inner.target, ast.Attribute) else _name(inner.target)
                    yield f"{node.name}.{name}"
        if isinstance(node, ast.FunctionDef) and any("lru_cache" in ast.unparse(mark) for mark in node.decorator_list):
            yield node.name


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _is_container(node: ast.AnnAssign) -> bool:
    is_attribute = isinstance(node.target, ast.Attribute)
    has_factory = node.value is not None and "default_factory" in ast.unparse(node.value)
    return (is_attribute or has_factory) and CONTAINERS.match(ast.unparse(node.annotation)) is not None


def test_every_container_of_a_daemon_is_listed_with_its_bound_and_no_other() -> None:
    found = {
        f"{file.relative_to(PROJECT).with_suffix('').as_posix().replace('/', '.')}.{name}"
        for file in files()
        for name in containers(ast.parse(file.read_text("utf-8")))
        if "." not in name or file.relative_to(PROJECT).as_posix() not in BRIEF
    }
    [table] = tables("limits.md", "## Queues and caches")

    assert {code(row["memory"]) for row in table} == found
