"""`db copy`: moves a store to another database, while its node is stopped."""

from collections.abc import Mapping
from dataclasses import dataclass

from node.errors import UsageError
from node.integrity.copy_store import FROM, TO, copy_store
from node.integrity.finding_types import StoreFinding
from node.runtime.home import Home
from node.upkeep.store_address import address_of, no_daemon, opened


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyAnswer:
    """What was copied."""

    from_: str
    """Without a password."""

    to: str
    tables: Mapping[str, int]
    """Table -> number of rows."""

    digests: Mapping[str, str]
    """Table -> digest of its rows, equal in both stores."""

    findings: tuple[StoreFinding, ...]


def copy(source: str, target: str, home: Home | None) -> CopyAnswer:
    """Copy the store at the URL `source` to the empty database at `target`, and compare both."""
    from_, to = address_of(source, home), address_of(target, home)
    if from_.url == to.url:
        raise UsageError("store_not_empty", "both addresses name the same database", path=TO)
    with (
        no_daemon(home, (from_, to)),
        opened(from_, FROM) as reading,
        opened(to, TO, make=True) as writing,
    ):
        done = copy_store(reading, writing)
    return CopyAnswer(
        from_=from_.shown,
        to=to.shown,
        tables={name: table.rows for name, table in done.tables.items()},
        digests={name: table.digest for name, table in done.tables.items()},
        findings=done.findings,
    )
