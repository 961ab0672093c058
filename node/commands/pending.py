"""`pending list` and `pending drop`: the records that wait, or are held until a time."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from node.answers.plain_json import MessageId, TimeMs
from node.clock import now_ms
from node.database.engine import Store, Transaction
from node.errors import Refused
from node.undecided import deferred_positions, pending_lists, pending_records
from node.undecided.pending_lists import KeptRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingRecord:
    """A record that waits or is held, without its bytes."""

    id: int
    originator: str
    stream: str
    topic: str
    position: int
    sequence: int
    message_id: MessageId | None
    outcome: str
    """waiting or held."""

    reason: str
    size: int
    """In bytes."""

    received_at: TimeMs


async def list_pending(store: Store, *, originator: str | None = None) -> list[WaitingRecord]:
    """Every record that waits or is held, or those of one originator, the oldest first."""
    found = await store.read(lambda db: pending_lists.kept(db, originator=originator))
    return [WaitingRecord(**asdict(record)) for record in found]


async def drop_pending(
    store: Store, ids: Sequence[int] | None, *, originator: str | None = None
) -> list[WaitingRecord]:
    """Forget the records `ids`, or all, or all of one originator. Their positions are deferred, so that the node reads
    them again after its documents, keys or program changed, as long as the log has them.

    Raises Refused `not_found`, and drops nothing, if one of `ids` is not there.
    """
    return await store.write(lambda db: _drop(db, ids, originator, now_ms()))


def _drop(db: Transaction, ids: Sequence[int] | None, originator: str | None, now: int) -> list[WaitingRecord]:
    found: list[KeptRecord] = pending_lists.kept(db, originator=originator)
    if ids is not None:
        found = [record for record in found if record.id in set(ids)]
        if missing := set(ids) - {record.id for record in found}:
            raise Refused("not_found", f"no record of the id {min(missing)} waits or is held", path="id")
    positions: dict[str, list[int]] = {}
    for record in found:
        positions.setdefault(record.topic, []).append(record.position)
    pending_records.drop(db, {record.id for record in found})
    for topic, noted in positions.items():
        deferred_positions.note(db, topic, noted, now)
    return [WaitingRecord(**asdict(record)) for record in found]
