"""How the databases would execute the statements of a store: which read a table or index whole, or sort.

`watched` collects every statement of a block with the function that executes it. The plans are asked of stores that
are nearly empty; so PostgreSQL is told to avoid both, as it does in a large store.
"""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Final

from sqlalchemy import Connection, Engine, event

PACKAGES: Final = (
    "node.access_chain.",
    "node.store.",
    "node.undecided.",
    "node.outgoing.",
    "node.webhooks.",
    "node.credentials.",
    "node.retention.",
)
WORDS: Final = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")
HARMLESS: Final = re.compile(r"SCAN ((\d+ )?CONSTANT ROWS?|anon_\d+$|message_fts VIRTUAL TABLE INDEX \d+:[=<>]*M)")
"""Steps of SQLite that read given values, a subquery with a limit, or what the full-text index found."""

SORTS: Final = ("Sort", "Incremental Sort")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is suspicious in the plan of one statement."""

    function: str
    """The innermost public function of node/store and node/undecided that executed it: `module.function`."""

    statement: str
    faults: tuple[str, ...]


@dataclass(slots=True)
class Seen:
    """What a block executed."""

    plans: dict[tuple[str, str], Plan] = field(default_factory=dict)
    """By function and text."""

    functions: set[str] = field(default_factory=set)
    """The public functions of node/store and node/undecided that executed a statement, themselves or through others."""


@contextmanager
def watched() -> Iterator[Seen]:
    """Yields the statements that functions of node/store and node/undecided execute in the block, with their plans."""
    seen = Seen()

    def before(db: Connection, _cursor: Any, text: str, values: Any, _context: Any, many: bool) -> None:
        callers = _callers()
        seen.functions.update(callers)
        if not callers or (callers[0], text) in seen.plans or not text.lstrip().startswith(WORDS):
            return
        first = values[0] if many and values else values
        faults = _sqlite(db, text, first) if db.dialect.name == "sqlite" else _postgresql(db, text, first)
        seen.plans[callers[0], text] = Plan(function=callers[0], statement=text, faults=tuple(faults))

    event.listen(Engine, "before_cursor_execute", before)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", before)


def _callers() -> list[str]:
    """The public functions of node/store and node/undecided that are running, the innermost first."""
    found: list[str] = []
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        module: str = frame.f_globals.get("__name__", "")
        if module.startswith(PACKAGES) and not frame.f_code.co_name.startswith(("_", "<")):
            found.append(f"{module.rpartition('.')[2]}.{frame.f_code.co_name}")
        frame = frame.f_back
    return found


def _sqlite(db: Connection, text: str, values: Any) -> Iterator[str]:
    cursor = db.connection.cursor()
    for *_, step in cursor.execute(f"EXPLAIN QUERY PLAN {text}", values or ()).fetchall():
        if (step.startswith("SCAN") and not HARMLESS.match(step)) or "TEMP B-TREE" in step:
            yield step


def _postgresql(db: Connection, text: str, values: Any) -> Iterator[str]:
    cursor = db.connection.cursor()
    cursor.execute("SAVEPOINT plans")
    cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off; SET LOCAL enable_hashagg = off")
    cursor.execute(f"EXPLAIN (FORMAT JSON) {text}", values or ())
    [(answer,)] = cursor.fetchall()
    cursor.execute("ROLLBACK TO SAVEPOINT plans")
    [plan] = answer if isinstance(answer, list) else json.loads(answer)
    yield from _nodes(plan["Plan"], limited=False)


def _nodes(node: dict[str, Any], *, limited: bool) -> Iterator[str]:
    """The faults of a node and of those below it. A limit ends the reading of an index in the order of its rows."""
    kind = node["Node Type"]
    if kind == "Seq Scan" or (kind in ("Index Scan", "Index Only Scan") and "Index Cond" not in node and not limited):
        yield f"{kind} of {node['Relation Name']}"
    if kind in SORTS and all("One-Time Filter" not in below for below in node["Plans"]):
        yield kind
    limited = kind == "Limit" or (limited and kind == "Result")
    for below in node.get("Plans", ()):
        yield from _nodes(below, limited=limited)
