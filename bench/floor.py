"""(a) The floor: append, fetch and decode sealed bytes without any check, and write the same rows.

It has no cryptography, no strict decoding and no policy. It decrypts nothing, so it gets labels and payload as
plaintext. The Avro library decodes the labels, payload, SealedMessage and Header of each record, and each Batch once.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from bench.enlace import ITEMS_WARM, chunks
from bench.figures import Spent, Stopwatch
from bench.material import ORIGINATOR, REGION
from broker.log import Entry, Log
from broker.streams import intel_stream, topic_of
from node import clock
from node.database.engine import Store, Transaction
from node.exchange.retry import RECORDS_IN_TRANSACTION_MAX
from node.primitives import ZERO_HASH
from node.reports.labels import labels_of
from node.stages import Draft, StreamId
from node.store import access_log, chains, messages, outbox, own_reports, read_positions
from node.store.access_log import Operation
from node.verification.chain import Link, StreamView
from schemas.avro import codec
from schemas.types import Batch, Header, IntelligenceReport, Labels, SealedMessage

STREAM: Final = intel_stream(REGION)
TOPIC: Final = topic_of(STREAM, ORIGINATOR)
_PLACE: Final = StreamId(stream=STREAM, originator=ORIGINATOR)


def plain_of(drafts: Sequence[Draft]) -> list[tuple[bytes, bytes]]:
    """Labels and payload of each draft, as plaintext."""
    return [(codec.encode(labels_of(draft.report, ZERO_HASH)), draft.payload) for draft in drafts]


async def sealed_records(bus: Log) -> list[bytes]:
    """The records that Enlace sealed for this topic."""
    records: list[bytes] = []
    while fetched := await bus.fetch({TOPIC: len(records)}, records_max=10_000, wait_seconds=0):
        records += [entry.value or b"" for entry in fetched[0].entries]
    return records


async def publish(folder: Path, bus: Log, drafts: Sequence[Draft], values: Sequence[bytes], *, together: int) -> Spent:
    """Write the rows of the outbox, and append bytes that were sealed before."""
    watch = Stopwatch()
    store = await Store.open(f"sqlite:///{folder / 'floor-out.db'}")
    try:
        for chosen in chunks(len(drafts), together):
            with watch.running(counted=chosen.start >= ITEMS_WARM):
                await _chunk(store, bus, chosen, drafts, values)
            watch.did(len(chosen))
    finally:
        await store.close()
    return watch.spent


async def _chunk(store: Store, bus: Log, chosen: range, drafts: Sequence[Draft], values: Sequence[bytes]) -> None:
    now = clock.now_ms()
    new = [
        own_reports.NewDraft(
            report_id=drafts[number].report_id,
            region=REGION,
            message_id=number.to_bytes(16, "big"),
            content_hash=drafts[number].content_hash,
            payload=drafts[number].payload,
            created_at=now,
        )
        for number in chosen
    ]
    subjects = [(draft.report_id, "") for draft in new]

    def accept(db: Transaction) -> None:
        own_reports.add(db, new)
        access_log.add(db, Operation.COLLECTION, actor="bench", subjects=subjects, now=now)

    await store.write(accept)
    rows = await store.read(partial(own_reports.unsealed, limit=len(new)))
    sealed = [values[number] for number in chosen]

    def seal(db: Transaction) -> None:
        outbox.put_outgoing(db, STREAM, chosen.start + 1, sealed)
        marks = zip(rows, chosen, strict=True)
        own_reports.mark_sealed(
            db, {row.id: own_reports.SealedDraft(sequence=number + 1, audience=()) for row, number in marks}
        )
        access_log.add(db, Operation.DISCLOSURE, actor="bench", subjects=subjects, now=now)

    await store.write(seal)
    await bus.append(TOPIC, sealed)


async def receive(
    folder: Path,
    bus: Log,
    plain: Sequence[tuple[bytes, bytes]],
    *,
    together: int = RECORDS_IN_TRANSACTION_MAX,
) -> Spent:
    """Fetch, decode and store every record."""
    watch = Stopwatch()
    store = await Store.open(f"sqlite:///{folder / 'floor-in.db'}")
    try:
        position, known = 0, set[bytes]()
        while position < len(plain):
            with watch.running(counted=position >= ITEMS_WARM):
                [fetched] = await bus.fetch({TOPIC: position}, records_max=together, wait_seconds=0)
                entries = fetched.entries
                await _store(store, entries, plain, known)
                position = entries[-1].position + 1
            watch.did(len(entries))
        if await store.read(messages.count) != len(plain):
            raise AssertionError("not every message was stored")
    finally:
        await store.close()
    return watch.spent


async def _store(
    store: Store, entries: Sequence[Entry], plain: Sequence[tuple[bytes, bytes]], known: set[bytes]
) -> None:
    """Store one fetch. `known` are the batches that the store already has."""
    rows, links, ids = messages.Rows(), dict[bytes, Link](), dict[bytes, int]()
    now = clock.now_ms()
    for entry in entries:
        value = entry.value or b""
        sealed = codec.unsafe_decode(SealedMessage, value)
        header = codec.unsafe_decode(Header, sealed["header"])
        labels, payload = plain[entry.position]
        codec.unsafe_decode(Labels, labels)
        report = codec.unsafe_decode(IntelligenceReport, payload)
        if sealed["batch"] not in links:
            links[sealed["batch"]] = _link(sealed["batch"], is_new=sealed["batch"] not in known)
        ids[header["message_id"]] = entry.position + 1
        _add(rows, entry.position + 1, header, report, payload, value, now)
    known.update(links)
    highest = entries[-1].position + 1
    view = StreamView(links={}, used_ids={}, highest=highest, changed=links, new_ids=ids)

    def put(db: Transaction) -> None:
        chains.put(db, _PLACE, view)
        read_positions.put(db, [(TOPIC, _PLACE, highest, highest, None, None)])
        messages.put(db, rows)

    await store.write(put)


def _link(data: bytes, *, is_new: bool) -> Link:
    batch = codec.unsafe_decode(Batch, data)
    first, size = batch["first_sequence"], batch["size"]
    return Link(
        first=first,
        size=size,
        hash=batch["root"],
        previous=batch["previous"],
        sealed_at=batch["sealed_at"],
        arrived=(1 << size) - 1,
        linked=True,
        is_new=is_new,
    )


def _add(
    rows: messages.Rows,
    id_: int,
    header: dict[str, Any],
    report: dict[str, Any],
    payload: bytes,
    value: bytes,
    now: int,
) -> None:
    rows.messages.append(
        (
            id_,
            header["message_id"],
            ORIGINATOR,
            STREAM,
            id_,
            report["report_id"],
            report["created_at"],
            now,
            header["expires_at"],
            "ALL",
            "1",
            payload,
            value,
        )
    )
    rows.subjects += [(subject, id_) for subject in report["subjects"]]
    rows.identifiers += [
        (identifier["scheme"], identifier["value"], id_, identifier["country"] or "")
        for entity in report["entities"]
        for identifier in entity["identifiers"]
    ]
    texts = [report["narrative"]["text"], report["place"]["area"]]
    for entity in report["entities"]:
        person, goods = entity["person"], entity["goods"]
        texts += [text for text in (entity["label"],) if text]
        texts += [person["given_names"], person["family_name"]] if person else []
        texts += [goods["type"]] if goods else []
        texts += [identifier["value"] for identifier in entity["identifiers"]]
    rows.texts.append((id_, "\n".join(texts)))
