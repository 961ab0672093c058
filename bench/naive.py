"""(b) A naive implementation: a signature and five HPKE wraps for each message, which is verified and opened alone.

It uses the same codec, tables, log and KEM as Enlace. It has no agreements, no rules for reports and no chain.

    record = SealedMessage(header, content_hash, content, batch, signature, 0, empty path)
    batch holds a KeyGrant with a wrap of the message's own key for each recipient;
    signature is Ed25519 over frame(header, content_hash, batch)
"""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bench.enlace import ITEMS_WARM, chunks
from bench.figures import Spent, Stopwatch
from bench.material import ACTOR, ORIGINATOR, READER, RECIPIENTS, REGION, World
from broker.log import Entry, Log
from broker.streams import intel_stream, topic_of
from node import clock
from node.database.engine import Store, Transaction
from node.exchange.retry import RECORDS_IN_TRANSACTION_MAX
from node.limits import SUITE
from node.primitives import (
    ZERO_HASH,
    digest,
    frame,
    padded_length,
)
from node.reports.labels import expires_at, labels_of
from node.reports.search_terms import search_terms
from node.sealing import hpke, public_keys
from node.sealing.private_keys import PrivateKeys
from node.stages import Draft, Opened, SealedBatch, StreamHead, StreamId, Verified
from node.store import access_log, messages, outbox, own_reports, read_positions
from node.store.access_log import Operation
from node.store.messages import Holding
from node.store.own_reports import SealedDraft
from schemas.avro import codec
from schemas.types import (
    Batch,
    GrantEntry,
    Header,
    IntelligenceReport,
    KeyGrant,
    KeyUse,
    Labels,
    MessageType,
    SealedMessage,
)

STREAM: Final = intel_stream(REGION)
TOPIC: Final = topic_of(STREAM, ORIGINATOR)
_LENGTH: Final = 4


class Sender:
    """Seals each report on its own."""

    def __init__(self, world: World) -> None:
        self._sign = world.home(ORIGINATOR).keys().newest(KeyUse.SEAL).sign
        self._public = {code: world.home(code).keys().newest(KeyUse.ENCRYPT) for code in RECIPIENTS}

    def seal(self, report: IntelligenceReport, payload: bytes, message_id: bytes) -> bytes:
        """The record of one message."""
        header = codec.encode(
            Header(
                message_id=message_id,
                type=MessageType.MESSAGE,
                refers_to=(),
                expires_at=expires_at(report),
                sealing=None,
            )
        )
        key = os.urandom(32)
        wraps = codec.encode(
            KeyGrant(
                audience_key_id=digest(key),
                use_until=0,
                entries=codec.sorted_set(
                    GrantEntry(
                        recipient=code, key_id=to.key_id, clauses=(), wrap=hpke.wrap(to.public, key, header + to.key_id)
                    )
                    for code, to in self._public.items()
                ),
            )
        )
        framed = frame(codec.encode(labels_of(report, os.urandom(32))), payload)
        nonce = os.urandom(12)
        plain = framed.ljust(padded_length(len(framed)), b"\0")
        content = nonce + AESGCM(key).encrypt(nonce, plain, header)
        content_hash = digest(content)
        return codec.encode(
            SealedMessage(
                header=header,
                content_hash=content_hash,
                content=content,
                batch=wraps,
                signature=self._sign(frame(header, content_hash, wraps)),
                index=0,
                path=b"",
            )
        )


async def publish(world: World, folder: Path, bus: Log, drafts: Sequence[Draft], *, together: int) -> Spent:
    """Accept, seal and append `together` drafts in a transaction, with the tables of the outbox."""
    sender, watch = Sender(world), Stopwatch()
    store = await Store.open(f"sqlite:///{folder / 'naive-out.db'}")
    try:
        head = StreamHead()
        for chosen in chunks(len(drafts), together):
            with watch.running(counted=chosen.start >= ITEMS_WARM):
                head = await _chunk(store, bus, sender, drafts[chosen.start : chosen.stop], head)
            watch.did(len(chosen))
    finally:
        await store.close()
    return watch.spent


async def _chunk(store: Store, bus: Log, sender: Sender, drafts: Sequence[Draft], head: StreamHead) -> StreamHead:
    new = [
        own_reports.NewDraft(
            report_id=draft.report_id,
            region=draft.region,
            message_id=os.urandom(16),
            content_hash=draft.content_hash,
            payload=draft.payload,
            created_at=draft.report.created_at,
        )
        for draft in drafts
    ]

    def accept(db: Transaction) -> None:
        own_reports.known(db, [(draft.report_id, draft.region) for draft in drafts])
        own_reports.add(db, new)
        subjects = [(draft.report_id, draft.report.legal_basis) for draft in drafts]
        access_log.add(db, Operation.COLLECTION, actor=ACTOR, subjects=subjects, now=clock.now_ms())

    await store.write(accept)
    return await _send(store, bus, sender, head, len(drafts))


async def _send(store: Store, bus: Log, sender: Sender, head: StreamHead, count: int) -> StreamHead:
    rows = await store.read(partial(own_reports.unsealed, limit=count))
    reports = [codec.decode(IntelligenceReport, row.payload) for row in rows]
    values = [sender.seal(report, row.payload, row.message_id) for row, report in zip(rows, reports, strict=True)]
    last = StreamHead(next_sequence=head.next_sequence + len(values), batch_hash=ZERO_HASH, sealed_at=clock.now_ms())
    sealed = SealedBatch(stream=STREAM, first_sequence=head.next_sequence, values=tuple(values), head=last)

    def put(db: Transaction) -> None:
        outbox.store_batches(db, {STREAM: head} if head.sealed_at else {}, [sealed])
        sequences = enumerate(rows, head.next_sequence)
        own_reports.mark_sealed(
            db, {row.id: SealedDraft(sequence=sequence, audience=RECIPIENTS) for sequence, row in sequences}
        )
        subjects = [(report.report_id, " ".join(RECIPIENTS)) for report in reports]
        access_log.add(db, Operation.DISCLOSURE, actor=ORIGINATOR, subjects=subjects, now=clock.now_ms())

    await store.write(put)
    await bus.append(TOPIC, values)
    return last


async def receive(
    world: World, folder: Path, bus: Log, count: int, *, together: int = RECORDS_IN_TRANSACTION_MAX
) -> Spent:
    """Fetch, verify, open and store every message."""
    own = world.home(READER).keys()
    public = world.home(ORIGINATOR).keys().newest(KeyUse.SEAL).public
    watch = Stopwatch()
    store = await Store.open(f"sqlite:///{folder / 'naive-in.db'}")
    try:
        position = 0
        while position < count:
            with watch.running(counted=position >= ITEMS_WARM):
                records_max = max(together, ITEMS_WARM - position)
                [fetched] = await bus.fetch({TOPIC: position}, records_max=records_max, wait_seconds=0)
                entries = fetched.entries
                holdings = [_opened(entry, own, public) for entry in entries]
                position = entries[-1].position + 1
                await store.write(partial(_put, holdings=holdings, position=position))
            watch.did(len(entries))
        if await store.read(messages.count) != count:
            raise AssertionError("not every message was stored")
    finally:
        await store.close()
    return watch.spent


def _put(db: Transaction, holdings: Sequence[Holding], position: int) -> None:
    messages.add(db, holdings, clock.now_ms())
    place = StreamId(stream=STREAM, originator=ORIGINATOR)
    read_positions.put(db, [(TOPIC, place, position, position, None, None)])


def _opened(entry: Entry, own: PrivateKeys, public: bytes) -> Holding:
    """Verify and open one record; AssertionError if a check fails."""
    value = entry.value or b""
    sealed = codec.decode(SealedMessage, value)
    if not public_keys.verify_ed25519(
        public, sealed.signature, frame(sealed.header, sealed.content_hash, sealed.batch)
    ):
        raise AssertionError("the signature is not valid")
    if digest(sealed.content) != sealed.content_hash:
        raise AssertionError("the hash of the content is wrong")
    header, grant = codec.decode(Header, sealed.header), codec.decode(KeyGrant, sealed.batch)
    [mine] = [entry for entry in grant.entries if entry.recipient == READER]
    private = own.by_id(mine.key_id)
    if private is None:
        raise AssertionError("the private key is missing")
    key = hpke.unwrap(private.decryption_key, mine.wrap, sealed.header + mine.key_id)
    plain = AESGCM(key).decrypt(sealed.content[:12], sealed.content[12:], sealed.header)
    end = _LENGTH + int.from_bytes(plain[:_LENGTH], "big")
    labels = codec.decode(Labels, plain[_LENGTH:end])
    size = int.from_bytes(plain[end : end + _LENGTH], "big")
    payload = plain[end + _LENGTH : end + _LENGTH + size]
    report = codec.decode(IntelligenceReport, payload)
    return Holding(
        opened=_as_opened(value, sealed, header, labels, report, payload, entry.position),
        terms=search_terms(report),
        agreement=None,
        clause=None,
    )


def _as_opened(
    value: bytes,
    sealed: SealedMessage,
    header: Header,
    labels: Labels,
    report: IntelligenceReport,
    payload: bytes,
    position: int,
) -> Opened:
    """The message in the form that the store takes. The batch contains only the position."""
    batch = Batch(
        suite=SUITE,
        community=ZERO_HASH,
        originator=ORIGINATOR,
        stream=STREAM,
        first_sequence=position + 1,
        size=1,
        root=ZERO_HASH,
        previous=ZERO_HASH,
        sealed_at=0,
        governance=0,
        key_id=ZERO_HASH,
    )
    verified = Verified(value=value, sealed=sealed, batch=batch, batch_hash=ZERO_HASH, header=header)
    return Opened(verified=verified, labels=labels, content=report, payload=payload, clauses=())
