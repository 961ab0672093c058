"""Why this node must not seal now, although the log answers: what is wrong in its own streams.

- A record of an own stream that this node did not send: its sequence is taken, and a batch of this node after an older
  head would be refused by every node. An operator decides what it is.
- A head that is dated in the future: readers would hold each batch after it until then. An operator confirms that the
  clock is right now; then a checkpoint says so to all (node/verification/clock_corrections.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from node.database.engine import Store, Transaction
from node.errors import Unavailable
from node.integrity import clock_corrections
from node.integrity.own_heads import FOREIGN
from node.limits import CLOCK_SKEW_MS_MAX
from node.stages import StreamHead, StreamId
from node.store import outbox, stream_findings
from node.store.stream_findings import StreamFinding
from schemas.formats import time_text

FUTURE: Final = "head_in_future"


def foreign_records(db: Transaction, node: str) -> list[StreamFinding]:
    """The findings about records in own streams that `node` did not send."""
    return stream_findings.all_about(db, node, [FOREIGN])


def refuse_foreign(found: Sequence[StreamFinding]) -> None:
    """Raise Unavailable `own_stream_foreign` if there is such a finding."""
    if found:
        raise Unavailable(
            "own_stream_foreign",
            f"the record at sequence {found[0].sequence} of {found[0].stream} is signed by this node, which did not "
            "send it: nothing is sealed or sent until an operator decides",
            hint="find out whether a second copy of the node runs or its SEAL key was stolen; then adopt or disown it",
        )


def dated_heads(db: Transaction, node: str) -> dict[str, StreamHead]:
    """The heads of the own streams, with the times that corrections of the clock gave them."""
    heads = outbox.heads(db)
    return {stream: _dated(db, StreamId(stream=stream, originator=node), head) for stream, head in heads.items()}


def _dated(db: Transaction, place: StreamId, head: StreamHead) -> StreamHead:
    corrected = {made.batch: made.time for made in clock_corrections.of_stream(db, place)}
    return replace(head, sealed_at=min(head.sealed_at, corrected.get(head.batch_hash, head.sealed_at)))


def future_heads(db: Transaction, node: str, after: int) -> dict[str, int]:
    """Own stream -> time of its head, of the heads that are dated after a time, in ms."""
    if all(head.sealed_at <= after for head in outbox.heads(db).values()):
        return {}
    return {stream: head.sealed_at for stream, head in dated_heads(db, node).items() if head.sealed_at > after}


async def usable_heads(store: Store, node: str, heads: Mapping[str, StreamHead], now: int) -> Mapping[str, StreamHead]:
    """The heads of the own streams with the times that count, for sealing at `now` (ms).

    Raises Unavailable `head_in_future` if one is more than five minutes after it.
    """
    if all(head.sealed_at <= now for head in heads.values()):
        return heads
    dated = await store.read(partial(dated_heads, node=node))
    refuse_future(dated, now)
    return dated


def refuse_future(heads: Mapping[str, StreamHead], now: int) -> None:
    """Raise Unavailable `head_in_future` if the time of a head is more than five minutes after `now` (ms)."""
    for stream, head in sorted(heads.items()):
        if head.sealed_at > now + CLOCK_SKEW_MS_MAX:
            raise Unavailable(
                "head_in_future",
                f"the last batch of {stream} is dated {time_text(head.sealed_at)}: the clock was wrong when it was "
                "sealed, and every batch after it would be held until then",
                hint="if the clock is right now, an operator confirms it",
            )
