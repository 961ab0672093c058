"""The judgement after a campaign: reads the stores, and asks the oracle."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import func, select

from node.database.engine import Transaction
from node.database.record_tables import message, pending, quarantine
from node.exchange.retry import RECORDS_IN_TRANSACTION_MAX
from node.integrity.check_store import check_store
from node.undecided.usage import Budget
from tests.campaign.attack import Attack
from tests.campaign.oracle import Ended, Kept, Key, wrong_ends, wrong_holdings, wrong_quotas
from tests.campaign.running import RunningNode
from tests.campaign.setting import AGREED
from tests.campaign.sightings import Trace
from tests.campaign.world import LIMITS, World

RECORD_BYTES_MAX: Final = 1024 * 1024
"""The last record that is kept may go beyond the bytes of a budget."""

SIZE_OF_WAITING_MAX: Final = 16 * 1024 * 1024
"""Waiting records are always kept: those of the ingest that reaches the limit go beyond it."""


async def wrong(made: World, traces: Sequence[tuple[Attack, Trace]]) -> list[str]:
    """Everything that does not hold, in words; empty if all is well."""
    found: list[str] = []
    held: dict[str, list[Key]] = {}
    kept: list[Kept] = []
    ended: list[Ended] = []
    for node in made.nodes.values():
        ended += node.ended
        if node.node is None:
            found.append(f"{node.code} does not run at the end")
            continue
        held[node.code] = await node.node.store.read(_held)
        kept += await node.node.store.read(lambda db, code=node.code: _kept(db, code))  # type: ignore[misc]
        if not await node.is_drained():
            found.append(f"{node.code} has not sent everything that it accepted")
    found += await _wrong_store(made.dice.choice([node for node in made.nodes.values() if node.node is not None]))
    found += wrong_holdings(made.accepted, held, AGREED, made.stopped, made.now)
    found += wrong_quotas(kept)
    found += wrong_ends(ended)
    seen = frozenset(made.seen.seen)
    found += [
        f"{attack.name} left no {trace.where} of {' or '.join(trace.codes)} at {trace.node or 'any node'}"
        for attack, trace in traces
        if not trace.is_in(seen)
    ]
    return found


def _held(db: Transaction) -> list[Key]:
    """The reports that a store holds."""
    return [(row.originator, row.report_id) for row in db.execute(select(message.c.originator, message.c.report_id))]


def _kept(db: Transaction, node: str) -> list[Kept]:
    """What the store keeps for each originator and budget, counted from the rows and not from the kept numbers."""
    used: dict[tuple[str, str], tuple[int, int]] = {}
    for table in (pending, quarantine):
        columns = (table.c.originator, table.c.budget)
        size = func.sum(func.length(table.c.value)).label("size")
        for row in db.execute(select(*columns, func.count().label("rows"), size).group_by(*columns)):
            rows, taken = used.get((row.originator, row.budget), (0, 0))
            used[row.originator, row.budget] = rows + row.rows, taken + row.size
    return [
        Kept(
            node=node,
            name=f"{originator} {budget}",
            rows=rows,
            size=size,
            rows_max=LIMITS[Budget(budget)].rows + (RECORDS_IN_TRANSACTION_MAX if budget == Budget.WAITING else 0),
            size_max=LIMITS[Budget(budget)].size
            + (SIZE_OF_WAITING_MAX if budget == Budget.WAITING else RECORD_BYTES_MAX),
        )
        for (originator, budget), (rows, size) in used.items()
        if budget != Budget.PURGED
    ]


async def _wrong_store(node: RunningNode) -> list[str]:
    """What the check of a store finds: of one node in each campaign, because it takes long."""
    checked = await node.opened.store.read(lambda db: check_store(db, node.code))
    return [f"the store of {node.code}: {finding}" for finding in checked.findings]
