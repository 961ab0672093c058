"""Opens a node: its bus, or everything that its daemon needs.

Implementations are chosen here, and in tests. Opening a part does not ask whether the bus answers.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from broker import streams
from broker.log import Log
from node import clock
from node.access_chain.head_file import HEADS_FILE
from node.audit.sign_access_log import AccessSigner
from node.database.engine import Store
from node.errors import Unavailable
from node.exchange.subscribe import Subscriber
from node.heartbeats import Heartbeats
from node.retention.ageing import Ageing
from node.retention.eraser import Eraser, safe_time
from node.runtime.bus import opened_bus, protection_of
from node.runtime.clock_watch import ClockWatch, sealing_permission
from node.runtime.current_judge import CurrentJudge
from node.runtime.home import Home
from node.runtime.installed_documents import InstalledDocuments
from node.runtime.open_store import open_store
from node.runtime.own_streams import OwnStreams, own_streams
from node.runtime.reading_share import ReadingShare
from node.runtime.renewals import RenewalWatch, certificates_of
from node.sealing.private_keys import PrivateKeys
from node.sealing.randomness import NonRepeatingRandom
from node.sealing.seal import Signer
from node.sending.own_records import OwnRecords
from node.sending.relay import Relay
from node.sending.room import ask_for_room
from node.sending.seal_receipts import ReceiptSealer
from node.system_random import random_bytes
from schemas.types import KeyUse

Clock = Callable[[], int]
"""The time in ms."""


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
    """Everything that a daemon works with."""

    code: str
    clock: Clock
    store: Store
    bus: Log
    documents: InstalledDocuments
    judge: CurrentJudge
    relay: Relay
    receipt_sealer: ReceiptSealer
    subscriber: Subscriber
    renewals: RenewalWatch
    ageing: Ageing
    home: Home
    share: ReadingShare | None
    """What this process reads; None if it reads everything."""

    eraser: Eraser
    clock_watch: ClockWatch
    own_streams: OwnStreams
    access_signer: AccessSigner
    heartbeats: Heartbeats = field(default_factory=Heartbeats)
    """Of the jobs of this process."""


@asynccontextmanager
async def open_node(
    home: Home, *, now: Clock = clock.now_ms, bus: Log | None = None, share: ReadingShare | None = None
) -> AsyncIterator[OpenNode]:
    """Open all parts of a node. `bus` replaces the configured log; without a `share` the node reads everything.

    At the end the store learns what the log has acknowledged.
    """
    keys, documents = home.keys(), home.documents()
    judge, signer = CurrentJudge(documents, home.node, keys), _signer(keys, documents)
    async with open_store(home) as store, open_bus(home) as configured:
        log, own_records = bus or configured, OwnRecords()
        relay, receipt_sealer = _senders(home.node, store, log, signer, judge, now, own_records)
        everything = home.places(governance=documents.governance)
        watch = ClockWatch(store=store, node=home.node, clock=now)
        streams_agree = own_streams(home, store, log, documents.governance)
        ask_for_room(relay, receipt_sealer, sealing_permission(watch, streams_agree))
        node = OpenNode(
            code=home.node,
            clock=now,
            store=store,
            bus=log,
            documents=documents,
            judge=judge,
            relay=relay,
            receipt_sealer=receipt_sealer,
            subscriber=_subscriber(home, store, log, judge, now, own_records, share),
            renewals=_renewals(home, store, judge, now),
            ageing=Ageing(store=store, bus=log, node=home.node, places=everything, clock=now, starts_quietly=True),
            home=home,
            share=share,
            eraser=_eraser(store, home.node, now, watch),
            clock_watch=watch,
            own_streams=streams_agree,
            access_signer=_access(home, store, keys, documents, now),
        )
        try:
            yield node
        finally:
            await _leave(node)


def _eraser(store: Store, node: str, now: Clock, watch: ClockWatch) -> Eraser:
    """What erases expired reports, as far as the clock can be trusted."""
    return Eraser(store=store, node=node, clock=now, safe_time=safe_time(store, node, watch.is_plausible))


def _renewals(home: Home, store: Store, judge: CurrentJudge, now: Clock) -> RenewalWatch:
    """What looks at the renewals of the node."""
    return RenewalWatch(store=store, judge=lambda: judge.judge, certificates=certificates_of(home), clock=now)


async def _leave(node: OpenNode) -> None:
    """Let the store know what the log has acknowledged, and sign the access log."""
    with suppress(Unavailable):  # then the next start sends again what the log has, and signs
        await node.relay.record_acknowledgements()
        if node.share is None or node.share.number == 0:
            await node.access_signer.finish()


def _subscriber(
    home: Home,
    store: Store,
    log: Log,
    judge: CurrentJudge,
    now: Clock,
    own_records: OwnRecords,
    share: ReadingShare | None,
) -> Subscriber:
    """What reads the share of this process."""
    return Subscriber(
        store=store,
        bus=log,
        judge=lambda: judge.judge,
        places=home.places(share, judge.judge.governance),
        own_records=own_records,
        clock=now,
        reads=home.reads(share),
    )


def _senders(
    code: str, store: Store, log: Log, signer: Signer, judge: CurrentJudge, now: Clock, own_records: OwnRecords
) -> tuple[Relay, ReceiptSealer]:
    """What seals and sends. Both share one source of random bytes, which notices a repetition."""
    random = NonRepeatingRandom(random_bytes)
    relay = Relay(
        store=store,
        bus=log,
        signer=signer,
        judge=judge.current,
        topic_of=lambda stream: streams.topic_of(stream, code),
        clock=now,
        random=random,
        own_records=own_records,
    )
    receipt_sealer = ReceiptSealer(
        store=store,
        bus=log,
        signer=signer,
        judge=lambda: judge.judge,
        topic=streams.topic_of(streams.RECEIPTS, code),
        clock=now,
        random=random,
        own_records=own_records,
    )
    return relay, receipt_sealer


def _access(home: Home, store: Store, keys: PrivateKeys, documents: InstalledDocuments, now: Clock) -> AccessSigner:
    return AccessSigner(
        store=store, keys=keys, governance=lambda: documents.governance, clock=now, file=home.path / HEADS_FILE
    )


def _signer(keys: PrivateKeys, documents: InstalledDocuments) -> Signer:
    newest, community = keys.newest(KeyUse.SEAL), documents.governance.community
    return Signer(originator=keys.node, community=community, key_id=newest.key_id, sign=newest.sign)
