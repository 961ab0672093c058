"""GT as a reader with store and log, to which tests send forged records; the community is of tests.support.readers."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from broker.streams import KEYS, topic_of
from node.primitives import digest
from node.store import counters, message_search, stream_findings
from node.store.message_search import Query
from node.undecided import quarantine
from node.undecided.quarantine import QuarantinedRecord
from schemas.types import KeyGrant
from tests.support.exchange import Exchange, TestNode, exchange
from tests.support.readers import granted, world
from tests.support.records import INTEL, AudienceKey, Author

REPORTS = topic_of(INTEL, "BZ")
GRANTS = topic_of(KEYS, "BZ")


@dataclass
class Bed:
    """GT reads what a test sends. BZ and MX are forgers, and an honest grant of BZ is in the log."""

    made: Exchange
    stack: AsyncExitStack
    key: AudienceKey
    grant: KeyGrant
    bz: Author = field(default_factory=lambda: world().author())
    mx: Author = field(default_factory=lambda: world().author("MX"))

    @property
    def gt(self) -> TestNode:
        return self.made.nodes["GT"]

    async def send(self, *values: bytes, topic: str = REPORTS) -> int:
        """Append to a topic; returns the position of the first."""
        return await self.made.bus.append(topic, list(values)) - len(values)

    async def read(self, *values: bytes, topic: str = REPORTS) -> None:
        """Append to a topic, and let GT read."""
        if values:
            await self.send(*values, topic=topic)
        await self.gt.read()

    async def restart(self) -> None:
        """Close GT and open it again on its store."""
        await self.gt.store.close()
        await self.made.add(self.stack, "GT")

    async def held(self) -> list[int]:
        """Sequences of the reports that GT holds, in the order of their arrival."""
        return [message.sequence for message in await self.gt.store.read(lambda db: message_search.search(db, Query()))]

    async def counts(self) -> dict[str, int]:
        """What GT counts, without zeros."""
        return {
            name: value
            for name, value in await self.gt.store.read(lambda db: counters.counts(db).by_name.items())
            if value
        }

    async def quarantine(self) -> list[QuarantinedRecord]:
        """The records that GT rejected, the oldest first."""
        return await self.gt.store.read(
            lambda db: [quarantine.records(db, [entry.id])[0] for entry in quarantine.entries(db)]
        )

    async def findings(self) -> list[tuple[str, int | None]]:
        """Code and sequence of each finding that is not closed."""
        return sorted(
            (finding.code, finding.sequence) for finding in await self.gt.store.read(stream_findings.standing)
        )

    async def everything(self) -> dict[str, Any]:
        """All that must be equal, with or without interruptions."""
        refused = [
            (kept.record.code, kept.record.position, digest(kept.record.value)) for kept in await self.quarantine()
        ]
        return {
            "held": sorted(await self.held()),
            "counts": await self.counts(),
            "findings": await self.findings(),
            "quarantine": sorted(refused),
        }


@asynccontextmanager
async def bed(folder: Path, *, grant: bool = True) -> AsyncIterator[Bed]:
    """A log, GT on it, and BZ's grant for GT and MX unless `grant` is False."""
    async with exchange(folder, "GT", community=world().community) as made, AsyncExitStack() as stack:
        key, body = granted(world().author())
        scene = Bed(made=made, stack=stack, key=key, grant=body)
        if grant:
            await scene.send(scene.bz.grant(body), topic=GRANTS)
        yield scene
