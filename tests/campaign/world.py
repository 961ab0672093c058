"""The world of one campaign: a log, five honest nodes on it, their reports, and what the hostile ones have in hand."""

import random
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copytree
from unittest.mock import patch

from broker.log import Log
from broker.streams import KEYS, intel_stream, topic_of
from node.exchange import pausing, quotas
from node.limits import DAY_MS
from node.trust.signed_document import ParsedDocument
from node.undecided.usage import Budget, Usage
from schemas.avro.codec import encode
from schemas.types import ClauseReference
from tests.campaign.broker import Broker
from tests.campaign.oracle import Accepted
from tests.campaign.running import NodeClock, RunningNode
from tests.campaign.setting import HONEST, HONEST_SUBJECTS, HOSTILE, REGION, Setting, write_document
from tests.campaign.sightings import Sightings
from tests.support.community import T0, Community
from tests.support.records import AudienceKey, Author, grant_body

ROWS = 12
SIZE = 200_000
SMALL = (Budget.FORGEABLE, Budget.CURABLE, Budget.REFUSED, Budget.WAITING)
LIMITS = {**quotas.LIMITS, **dict.fromkeys(SMALL, Usage(ROWS, SIZE))}
"""Few records fill the budgets of what is refused or waits. The others have room for all that a campaign writes."""

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


@dataclass(slots=True)
class World:
    """Everything of one campaign."""

    folder: Path
    community: Community
    dice: random.Random
    seen: Sightings
    broker: Broker = field(init=False)
    now: int = T0 + 2 * DAY_MS
    nodes: dict[str, RunningNode] = field(default_factory=dict)
    accepted: list[Accepted] = field(default_factory=list)
    stopped: dict[str, int] = field(default_factory=dict)
    """Agreement -> the time in ms from which it is not in force."""

    still_needed_by: set[str] = field(default_factory=set)
    """Nodes that will read again what the log has now: the broker got them to skip it, or their store becomes older."""

    watched: set[str] = field(default_factory=set)
    """Nodes whose status is looked at in each round."""

    story: list[str] = field(default_factory=list)
    """What happened, for the report of a failure."""

    _victims: list[str] = field(default_factory=list)
    _hostile: Author | None = None

    def __post_init__(self) -> None:
        """The log is that of the folder."""
        self.broker = Broker(self.folder / "log.db", self.clock)

    def clock(self) -> int:
        """The true time in ms."""
        return self.now

    def victim(self) -> RunningNode:
        """A node that no other attack of this campaign has taken, so that attacks meet at the log."""
        return self.nodes[self._victims.pop()]

    def honest_topic(self, node: RunningNode, stream: str | None = None) -> str:
        """A topic that the node writes; by default that of its reports."""
        return topic_of(stream or intel_stream(REGION), node.code)

    @property
    def hostile(self) -> Author:
        """The hostile member, which goes on with its own chains."""
        if self._hostile is None:
            self._hostile = self.author()
        self._hostile.now = self.now
        return self._hostile

    def hostile_writes(self, stream: str, *values: bytes) -> None:
        """Append records to a topic of the hostile member."""
        self.broker.write(topic_of(stream, HOSTILE), values)

    def others(self, *without: RunningNode) -> list[RunningNode]:
        """All nodes but these."""
        return [node for node in self.nodes.values() if node not in without]

    def author(self, code: str = HOSTILE) -> Author:
        """Who writes with the keys of a node: the hostile member, or a thief."""
        return Author(code=code, community=self.community.community, now=self.now)

    def audience(self, author: Author, *recipients: str) -> tuple[AudienceKey, bytes]:
        """A new key of `author`, and the record of its lawful grant, which is not written yet."""
        governance = self.community.governance
        key = AudienceKey.new(author, grant=author.heads[KEYS].next_sequence if KEYS in author.heads else 1)
        named = {
            recipient: tuple(
                ClauseReference(agreement=version.hash, clause=clause.id)
                for version, clause in governance.clauses_in_force(author.code, recipient, author.now)
            )
            for recipient in recipients
        }
        return key, author.grant(grant_body(author, key, governance, named))

    def install(self, parsed: ParsedDocument, nodes: Collection[RunningNode] | None = None) -> None:
        """Copy a document into the homes of `nodes`, or of all. It belongs to the community if it has effect."""
        data = encode(parsed.signed)
        for node in self.nodes.values() if nodes is None else nodes:
            write_document(node.path, parsed)
        self.community.documents.append(data)
        if any(problem.index == len(self.community.documents) - 1 for problem in self.community.governance.problems):
            self.community.documents.pop()

    async def traffic(self, subjects: Sequence[str] = HONEST_SUBJECTS) -> None:
        """Each node that takes reports accepts one or two."""
        for node in self.nodes.values():
            for _ in range(self.dice.randint(1, 2)):
                if node.node is None or not node.takes_reports:
                    continue
                text = f"Report {len(self.accepted)} of {node.code}."
                accepted = await node.accept(text, self.dice.choice(subjects))
                self.accepted += [accepted] if accepted is not None else []

    async def turn(self, nodes: Collection[RunningNode] | None = None) -> None:
        """One turn of each node, in an order of its own."""
        order = list(self.nodes.values() if nodes is None else nodes)
        self.dice.shuffle(order)
        for node in order:
            await node.turn()

    async def observe(self) -> None:
        """Note what every node shows; the status of those that an attack concerns, as a status takes long."""
        for node in self.nodes.values():
            await node.observe(status=node.code in self.watched)

    async def settle(self) -> None:
        """Let time pass until what had to be sent again was sent, and receipts came back."""
        for minutes in (0, 2, 2, 20, 2, 0, 0):
            self.now += minutes * MINUTE_MS
            await self.turn()
            await self.observe()

    async def drained(self, nodes: Collection[RunningNode]) -> bool:
        """Whether the log gave back everything that `nodes` accepted, after at most two turns."""
        for _ in range(2):
            if all([await node.is_drained() for node in nodes]):
                return True
            await self.turn(nodes)
        return all([await node.is_drained() for node in nodes])


@asynccontextmanager
async def world(setting: Setting, folder: Path, dice: random.Random) -> AsyncIterator[World]:
    """A copy of the setting in `folder`, with all nodes running and small quotas."""
    copytree(setting.folder, folder)
    seen = Sightings()
    made = World(folder, Community.of(setting.documents, setting.community), dice, seen)
    made._victims = dice.sample(HONEST, len(HONEST))
    for code in HONEST:
        made.nodes[code] = RunningNode(
            code=code,
            path=folder / code.lower(),
            open_bus=_view(made.broker, code),
            clock=NodeClock(made.clock),
            seen=seen,
        )
    async with AsyncExitStack() as stack:
        stack.enter_context(seen.recorded())
        stack.enter_context(patch.object(quotas, "LIMITS", LIMITS))
        stack.enter_context(patch.object(pausing, "LIMITS", LIMITS))
        stack.enter_context(patch("broker.embedded.file._now", made.clock))
        for node in made.nodes.values():
            stack.push_async_callback(node.stop)
        yield made


def _view(broker: Broker, code: str) -> Callable[[], Log]:
    return lambda: broker.view(code)
