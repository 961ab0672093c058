"""Puts a node together from its home: here, and in tests, implementations are chosen.

A home holds node.toml, the keys, documents/, the store and perhaps topology.toml. Opening a part does not ask the
world whether it is there.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from broker import streams
from broker import topology as topologies
from broker.bus import SQLITE
from broker.log import Log
from broker.topology import Topology
from node import clock
from node.errors import UsageError
from node.exchange.publish import Publisher
from node.exchange.relay import Relay
from node.exchange.send_receipts import Receipting
from node.exchange.subscribe import Subscriber
from node.runtime import config
from node.runtime.bus import opened_bus, protection_of
from node.runtime.current_judge import Installed
from node.runtime.reading_share import Share
from node.sealing import key_file
from node.sealing.private_keys import PrivateKeys
from node.sealing.randomness import NonRepeatingRandom
from node.sealing.seal import Signer
from node.stages import StreamId
from node.store.engine import Store
from node.system_random import random_bytes
from schemas.types import KeyUse, NodeConfig

Clock = Callable[[], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A node's folder and what it says."""

    path: Path
    config: NodeConfig
    topology: Topology

    @property
    def documents(self) -> Path:
        """The folder of installed documents."""
        return self.path / "documents"

    @property
    def store_url(self) -> str:
        """The store's URL; store.db in the home without one. A relative file belongs to the home."""
        url = self.config.store.url or f"{SQLITE}store.db"
        return f"{SQLITE}{self.path / url.removeprefix(SQLITE)}" if url.startswith(SQLITE) else url

    def keys(self) -> PrivateKeys:
        """The node's private keys; UsageError if they cannot be read or are another node's."""
        passphrase = self.config.keys.passphrase_file
        keys = key_file.read(self.path / self.config.keys.file, self.path / passphrase if passphrase else None)
        if keys.node != self.config.node.id:
            raise UsageError("keys_foreign", f"the keys are those of {keys.node}", path="keys.file")
        return keys

    def installed(self) -> Installed:
        """The documents that have effect, and this node's judge."""
        return Installed(self.documents, self.config.node.community, self.config.node.id, self.keys())

    def share(self, number: int) -> Share:
        """What the daemon itself reads, or its child of this number."""
        return Share(number=number, of=self.config.node.processes)

    def places(self, share: Share | None = None) -> dict[str, StreamId]:
        """Every topic that this node, or the process with this share, reads, and the place that it stands for."""
        places, reads = {}, self.reads(share)
        for topic in topologies.topics_of(self.topology):
            stream, originator = streams.stream_of(topic)
            if stream != streams.GOVERNANCE and reads(originator):
                places[topic] = StreamId(stream=stream, originator=originator)
        return places

    def reads(self, share: Share | None) -> Callable[[str], bool]:
        """Whether the process with this share, or without one the node, reads an originator."""
        return lambda originator: share is None or share.holds(originator, self.topology.members)


def open_home(path: Path) -> Home:
    """Read configuration and topology of the home at `path`; raises UsageError."""
    return Home(path=path, config=config.load(path), topology=config.topology(path))


@asynccontextmanager
async def open_store(home: Home) -> AsyncIterator[Store]:
    """The node's store."""
    store = await Store.open(home.store_url)
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def open_bus(home: Home) -> AsyncIterator[Log]:
    """The log that the configuration names."""
    bus = opened_bus(home.config.bus.url, home.path, protection_of(home.config.bus, home.path))
    try:
        yield bus
    finally:
        await bus.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenNode:
    """A node put together."""

    code: str
    clock: Clock
    store: Store
    store_path: Path
    bus: Log
    installed: Installed
    relay: Relay
    receipting: Receipting
    subscriber: Subscriber


@asynccontextmanager
async def open_node(
    home: Home, *, now: Clock = clock.now_ms, bus: Log | None = None, share: Share | None = None
) -> AsyncIterator[OpenNode]:
    """Everything that a daemon needs; `bus` stands in for the configured log, without a `share` it reads everything."""
    keys, installed, places, reads = home.keys(), home.installed(), home.places(share), home.reads(share)
    code = home.config.node.id
    signer = _signer(keys, installed)
    random = NonRepeatingRandom(random_bytes)
    async with open_store(home) as store, open_bus(home) as configured:
        log = bus or configured
        yield OpenNode(
            code=code,
            clock=now,
            store=store,
            store_path=Path(home.store_url.removeprefix("sqlite:///")),
            bus=log,
            installed=installed,
            relay=Relay(
                store=store,
                bus=log,
                signer=signer,
                judge=installed.current,
                topic_of=lambda stream: streams.topic_of(stream, code),
                clock=now,
                random=random,
            ),
            receipting=Receipting(
                store=store,
                bus=log,
                signer=signer,
                judge=lambda: installed.judge,
                topic=streams.topic_of(streams.RECEIPTS, code),
                clock=now,
                random=random,
            ),
            subscriber=Subscriber(
                store=store, bus=log, judge=lambda: installed.judge, places=places, clock=now, reads=reads
            ),
        )


def _signer(keys: PrivateKeys, installed: Installed) -> Signer:
    newest = keys.newest(KeyUse.SEAL)
    community = installed.governance.community
    return Signer(originator=keys.node, community=community, key_id=newest.key_id, sign=newest.sign)


def publisher(home: Home, store: Store, *, now: Clock = clock.now_ms) -> Publisher:
    """The intake of a node: it needs documents and topology, and no private key but to know the community."""
    installed = home.installed()
    return Publisher(
        store=store,
        node=home.config.node.id,
        governance=lambda: installed.governance,
        clock=now,
        random=NonRepeatingRandom(random_bytes),
    )
