"""Decides again about messages that were withheld as expired under a clock that was ahead.

Nothing of such a message was kept, except where the log has it: it is read again from there.
"""

from collections.abc import Callable
from functools import partial

import structlog

from broker.streams import topic_of
from node.database.engine import Store, Transaction
from node.store import read_positions, withheld_notes
from node.undecided import deferred_positions

log = structlog.get_logger()


async def take_back_expired(store: Store, reads: Callable[[str], bool], now: int) -> int:
    """Delete the notes about messages that have not expired at `now` (ms), and defer the positions of their records.

    `now` is the time of a clock that was checked. Returns how many; the caller reads deferred positions again.
    """
    if not await store.read(partial(withheld_notes.has_unexpired, now=now)):
        return 0
    taken_back = await store.write(partial(_take_back, reads=reads, now=now))
    if taken_back:
        log.warning("expired_taken_back", messages=taken_back)
    return taken_back


def _take_back(db: Transaction, reads: Callable[[str], bool], now: int) -> int:
    notes = withheld_notes.take_back_expired(db, reads, now)
    known = read_positions.next_positions(db)
    positions: dict[str, list[int]] = {}
    for note in notes:
        topic = topic_of(note.place.stream, note.place.originator)
        if note.position is not None and topic in known:
            positions.setdefault(topic, []).append(note.position)
    for topic, noted in positions.items():
        deferred_positions.note(db, topic, noted, now)
    return len(notes)
