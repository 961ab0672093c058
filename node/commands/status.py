"""What an operator sees of a node, from its store and the log, whether its daemon runs or not."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from broker.log import Log, LogUnavailable
from node.database.engine import Store
from node.runtime.single_daemon import is_running
from node.stages import StreamId
from node.store import counters, messages, outbox, pending_records, read_positions, receipts_due, stream_findings


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """One look at a node."""

    answer: dict[str, Any]
    drained: bool
    """Everything handed in was read back from the log."""

    caught_up: bool
    """Each lag was zero at one read of the ends, nothing waits for a grant that lies before them, and this node's
    receipts about what it read were read back."""


async def look(*, home: Path, node: str, store: Store, bus: Log, places: dict[str, StreamId]) -> Status:
    """Look once. The ends are read before the positions, so that a lag of zero means what it says."""
    try:
        bounds = await bus.bounds(list(places))
        bus_error = None
    except LogUnavailable as error:
        bounds, bus_error = {}, str(error)
    async with store.read() as db:
        read = {reading.topic: reading for reading in await read_positions.readings(db)}
        counts = {"stored": await messages.count(db), **(await counters.counts(db)).by_name}
        outgoing = await outbox.counts(db)
        findings = [asdict(finding) for finding in await stream_findings.standing(db)]
        ungranted = await pending_records.waits_for_arrived_grant(db)
        counts["receipts_due"] = await receipts_due.count_due(db)
        unsaid = counts["receipts_due"] + await receipts_due.on_their_way(db)
    rows = []
    for topic, place in sorted(places.items()):
        position = read[topic].position if topic in read else 0
        end = bounds[topic].end if topic in bounds else None
        if end is None and topic not in read:
            continue  # neither provisioned nor ever read
        rows.append(
            {
                "stream": place.stream,
                "originator": place.originator,
                "topic": topic,
                "position": position,
                "end": end,
                "lag": None if end is None else max(0, end - position),
                "sequence": read[topic].highest if topic in read else 0,
            }
        )
    answer = {
        "node": node,
        "running": is_running(home),
        "bus": bus_error or "available",
        "outbox": asdict(outgoing),
        "streams": rows,
        "counts": counts,
        "findings": findings,
    }
    return Status(
        answer=answer,
        drained=outgoing.drained,
        caught_up=bus_error is None and not ungranted and not unsaid and all(row["lag"] == 0 for row in rows),
    )
