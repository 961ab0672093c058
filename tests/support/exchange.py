"""A running exchange in one process, for tests: real stores, the embedded log, keys and documents of `community`.

Only the clock is a stub. A test steps each node by hand, so that no test has to wait.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from broker import streams
from broker import topology as topologies
from broker.embedded.log import EmbeddedLog
from broker.log import Log
from broker.topology import Region, Topology
from node.database.engine import Store
from node.exchange.subscribe import Subscriber
from node.limits import DAY_MS
from node.reports.validate import validate
from node.runtime.current_judge import unwrapper
from node.sealing.seal import Signer
from node.sending.own_records import OwnRecords
from node.sending.publish import Acceptance, Publisher
from node.sending.relay import Relay
from node.sending.seal_receipts import ReceiptSealer
from node.sharing.grants import AudienceKeys
from node.stages import Draft, StreamId
from node.system_random import random_bytes
from node.trust.governance import Governance
from node.verification.judge import Judge
from node.verification.signature_memory import SignatureMemory
from schemas.types import KeyUse
from tests.support.community import T0, Community, keys_of

TOPOLOGY = Topology(
    replication=1,
    regions=(
        Region(id="caribbean", members=("BZ", "GT", "MX", "CO", "ES"), retention_days=30),
        Region(id="europe", members=("ES",), retention_days=30),
    ),
)


def report(**changes: Any) -> dict[str, Any]:
    """A report as an integrator hands it in; `changes` replace top-level fields, and None removes a field."""
    value: dict[str, Any] = {
        "subjects": ["DRUG_TRAFFICKING"],
        "narrative": {"text": "A go-fast boat was seen off the cays.", "language": "en"},
        "occurred": {"from": "2026-01-02T04:00:00Z"},
        "urgency": "NORMAL",
        "purpose": "INFORMATION_EXCHANGE",
        "legal_basis": "Test Act s. 1",
        "retain_until": "2027-12-31",
        "evaluation": {"grid": "4x4", "source": "B", "information": "2"},
        "handling": ["H0"],
        "entities": [
            {
                "id": 1,
                "kind": "VESSEL",
                "statement": "FACT",
                "identifiers": [{"scheme": "NAME", "value": "Sea Test"}],
            }
        ],
        "connections": [],
    }
    value.update(changes)
    return {name: field for name, field in value.items() if field is not None}


@dataclass
class Clock:
    """A clock that stands still until a test moves it."""

    now: int = T0 + 2 * DAY_MS

    def __call__(self) -> int:
        return self.now


@dataclass
class TestNode:
    """One node of the exchange."""

    __test__ = False

    code: str
    store: Store
    bus: Log
    judge: Judge
    publisher: Publisher
    relay: Relay
    receipt_sealer: ReceiptSealer
    subscriber: Subscriber
    clock: Clock

    def draft(self, **changes: Any) -> Draft:
        """A draft of this node."""
        return validate(
            report(**changes), originator=self.code, topology=TOPOLOGY, now_ms=self.clock(), resolve_references={}
        )

    async def accept(self, drafts: Sequence[Draft]) -> list[Acceptance]:
        """Accept drafts without sending them."""
        return await self.publisher.accept(drafts, actor="test")

    async def publish(self, **changes: Any) -> Acceptance:
        """Accept one report, and send everything that is accepted."""
        [answer] = await self.accept([self.draft(**changes)])
        await self.relay.step()
        return answer

    async def read_until(self, holds: Callable[[], Awaitable[bool]], seconds: float = 60) -> None:
        """Read until the condition holds, as a log with a server needs time. Fails after `seconds`."""
        async with asyncio.timeout(seconds):
            while not await holds():
                await self.subscriber.step(0.2)

    async def read(self) -> None:
        """Read until there is nothing new."""
        while await self.subscriber.step(0):
            pass


@dataclass
class Exchange:
    """Nodes over one log."""

    folder: Path
    community: Community
    bus: Log
    clock: Clock = field(default_factory=Clock)
    nodes: dict[str, TestNode] = field(default_factory=dict)

    @property
    def governance(self) -> Governance:
        """The governance of the documents so far."""
        return self.community.governance

    async def add(
        self, stack: AsyncExitStack, code: str, *, bus: Log | None = None, store: str | None = None
    ) -> TestNode:
        """Open a node whose documents are in the community already."""
        opened = await open_store(f"sqlite:///{self.folder / (store or code.lower())}.db")
        stack.push_async_callback(opened.close)
        node = self._node(code, opened, bus or self.bus)
        self.nodes[code] = node
        await node.subscriber.start()
        return node

    def _node(self, code: str, store: Store, bus: Log) -> TestNode:
        governance, seal = self.governance, keys_of(code).newest(KeyUse.SEAL)
        signer = Signer(originator=code, community=governance.community, key_id=seal.key_id, sign=seal.sign)
        own_records = OwnRecords()
        node = TestNode(
            code=code,
            store=store,
            bus=bus,
            judge=_judge(code, governance),
            publisher=Publisher(
                store=store,
                node=code,
                governance=lambda: node.judge.governance,
                clock=self.clock,
                random=random_bytes,
            ),
            relay=Relay(
                store=store,
                bus=bus,
                signer=signer,
                judge=lambda: node.judge,
                topic_of=lambda stream: streams.topic_of(stream, code),
                clock=self.clock,
                random=random_bytes,
                own_records=own_records,
            ),
            receipt_sealer=ReceiptSealer(
                store=store,
                bus=bus,
                signer=signer,
                judge=lambda: node.judge,
                topic=streams.topic_of("receipts", code),
                clock=self.clock,
                random=random_bytes,
                own_records=own_records,
            ),
            subscriber=Subscriber(
                store=store,
                bus=bus,
                judge=lambda: node.judge,
                places=_places(),
                clock=self.clock,
                own_records=own_records,
            ),
            clock=self.clock,
        )
        return node


def _judge(code: str, governance: Governance) -> Judge:
    keys = keys_of(code)
    return Judge(
        node=code,
        governance=governance,
        holds=lambda key_id: keys.by_id(key_id) is not None,
        audience_keys=AudienceKeys(unwrapper(keys), governance.community),
        memory=SignatureMemory(),
    )


def _places() -> dict[str, StreamId]:
    """Topic -> stream, for every stream that a node reads."""
    return {
        topic: StreamId(stream=place[0], originator=place[1])
        for topic in topologies.topics_of(TOPOLOGY)
        if (place := streams.stream_of(topic))[0] != "governance"
    }


async def open_store(url: str) -> Store:
    """The store of a node. tests/support/twin_stores.py puts another function here."""
    return await Store.open(url)


@asynccontextmanager
async def exchange(
    folder: Path, *codes: str, community: Community | None = None, bus: Log | None = None
) -> AsyncIterator[Exchange]:
    """An exchange of `codes`, on the embedded log by default. Without a community each may send everything to each."""
    if community is None:
        community = Community(codes)
        community.agreement("ALL", codes)
    bus = bus or EmbeddedLog(folder / "log.db")
    async with AsyncExitStack() as stack:
        stack.push_async_callback(bus.close)
        await bus.provision(topologies.specs_of(TOPOLOGY))
        made = Exchange(folder=folder, community=community, bus=bus)
        for code in codes:
            await made.add(stack, code)
        yield made
