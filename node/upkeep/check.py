"""`db check`: whether the store of a node is whole."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from node.database import migrate
from node.database.engine import Store
from node.integrity.check_store import check_store
from node.integrity.finding_types import StoreFinding
from node.runtime.home import Home


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckAnswer:
    """What a check found."""

    revision: str
    tables: Mapping[str, int]
    """Table -> number of rows."""

    findings: tuple[StoreFinding, ...]
    counts: Mapping[str, int]
    """Code -> number of findings, those that are not listed included."""


async def check(home: Home, store: Store) -> CheckAnswer:
    """Check one state of the store; the daemon may run meanwhile."""
    done = await store.read(partial(check_store, node=home.node))
    return CheckAnswer(revision=migrate.REVISION, tables=done.tables, findings=done.findings, counts=done.counts)
