"""The pages that show the status of the node: its health, which is the first page of the console, and its streams."""

from dataclasses import asdict
from typing import Final

from node.console.page_types import ANY_SCOPE, Answer, ConsolePage, View, Visit
from node.errors import Unavailable
from node.health.status import NodeStatus
from node.overviews.lag_chart import lag_chart

STATUS_SECONDS_MAX: Final = 30.0


async def _status(visit: Visit) -> NodeStatus:
    """One look at the node."""
    try:
        return await visit.served.status.get(STATUS_SECONDS_MAX)
    except TimeoutError:
        message = "the log did not answer in time"
        raise Unavailable("timed_out", message, hint="load the page again after a moment") from None


async def health(visit: Visit) -> Answer:
    """What an operator has to do and how, the outbox, the counts, and the findings about streams."""
    seen = await _status(visit)
    values = {
        "status": seen,
        "outbox": list(asdict(seen.outbox).items()),
        "counts": list(seen.counts.items()),
        "looked_at": visit.served.now_ms(),
    }
    return View(template="health.html", title="health.title", values=values)


async def streams(visit: Visit) -> Answer:
    """How far this node has read each stream: as a chart, and as a table with the same numbers."""
    seen = await _status(visit)
    values = {"status": seen, "chart": lag_chart(seen.streams), "looked_at": visit.served.now_ms()}
    return View(template="streams.html", title="streams.title", values=values)


HEALTH: Final = (ConsolePage(path="/", scopes=ANY_SCOPE, handle=health, menu="menu.health"),)
STREAMS: Final = (ConsolePage(path="/streams", scopes=ANY_SCOPE, handle=streams, menu="menu.streams"),)
