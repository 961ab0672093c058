"""What a reading process looks at between two fetches: documents and clock that changed, and records that are due."""

from typing import Final

from node.exchange.expired_again import take_back_expired
from node.runtime.open_node import OpenNode

LOOK_MS: Final = 500  # between two looks
EXPIRED_MS: Final = 30_000  # between two looks for messages that a wrong clock called expired


class LookAround:
    """The looks of one process."""

    def __init__(self, node: OpenNode) -> None:
        self._node = node
        self._judge = node.judge.judge
        self._looked_at = 0

    async def step(self) -> None:
        """Look if it is time; look again at every kept record if documents, or the trust in the clock, have changed.

        Raises Unavailable; then the next step looks again.
        """
        node, now = self._node, self._node.clock()
        if abs(now - self._looked_at) < LOOK_MS:  # a clock that was set back is another time too
            return
        await node.clock_watch.look(now)
        node.judge.trust_clock(node.clock_watch.trusted)
        judge = node.judge.current()
        again = judge is not self._judge
        if again:
            node.subscriber.read_also(node.home.places(node.share, judge.governance))
        if judge.trusts_clock and (again or now // EXPIRED_MS != self._looked_at // EXPIRED_MS):
            again = bool(await take_back_expired(node.store, node.subscriber.reads, now)) or again
        await (node.subscriber.retry_all() if again else node.subscriber.retry_due())
        self._looked_at, self._judge = now, judge
