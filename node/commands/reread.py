"""`reread`: reads positions of a topic again, and decides about what is not stored yet."""

from dataclasses import dataclass

from node.clock import now_ms
from node.database.engine import Store
from node.errors import UsageError
from node.exchange.reread import PositionRange, Rereader
from node.runtime.current_judge import CurrentJudge
from node.runtime.home import Home
from node.runtime.open_node import open_bus
from node.store import read_positions
from schemas.excerpts import excerpt


@dataclass(frozen=True, slots=True, kw_only=True)
class RereadTopic:
    """What was read again."""

    topic: str
    from_: int
    """The first position; later ones up to the node's own position were read."""

    records: int


async def reread(home: Home, store: Store, topic: str, *, first: int | None) -> RereadTopic:
    """Read `topic` again from `first`, or from its beginning, up to where the node has read it.

    A running daemon is not disturbed. Raises UsageError for a topic that the node does not read, and for a first
    position that it has not read yet; LogUnavailable, Unavailable.
    """
    documents = home.documents()
    places = home.places(governance=documents.governance)
    if topic not in places:
        raise UsageError("topic_unknown", f"{excerpt(topic)} is not a topic that this node reads", path="topic")
    end = (await store.read(read_positions.next_positions)).get(topic, 0)
    if first and first >= end:
        message = f"{first} is not below {end}, the next position that this node reads in {topic}"
        raise UsageError(
            "out_of_range", message, path="from", hint="name a lower position; the daemon reads the others"
        )
    judge = CurrentJudge(documents, home.node, home.keys()).judge
    async with open_bus(home) as bus:
        bounds = (await bus.bounds([topic])).get(topic)
        beginning = max(first or 0, bounds.beginning if bounds is not None else end)
        rereader = Rereader(store=store, bus=bus, judge=lambda: judge, places=places, clock=now_ms)
        if beginning < end:
            rereader.add([PositionRange(topic, beginning, end)])
        records = 0
        while not rereader.is_done:
            records += await rereader.step()
    return RereadTopic(topic=topic, from_=beginning, records=records)
