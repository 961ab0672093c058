"""Receive what arrives, with `await`, and lose nothing over restarts: python receive.py PLACE_FILE NUMBER.

PLACE_FILE keeps the id of the last event. It is written after the event is processed, so a crash repeats one event at
most; the message id shows that it is known. Ends after NUMBER events.
"""

import asyncio
import sys
from contextlib import aclosing
from pathlib import Path

from enlace.client import AsyncClient


async def main(place: Path, number: int) -> None:
    """Print each message, and keep the place."""
    after = place.read_text("utf-8").strip() if place.exists() else "0"
    async with (
        AsyncClient() as client,
        aclosing(
            client.stream(purpose="OPERATIONAL_ANALYSIS", reason="Case system import", last_event_id=after)
        ) as events,
    ):
        async for event in events:
            message = event.message
            sys.stdout.write(f"{message.message_id} from {message.originator}\n")
            place.write_text(event.id, "utf-8")
            number -= 1
            if number == 0:
                return


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
