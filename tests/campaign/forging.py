"""Records that attackers write: with no key, with the keys of the hostile member, or with stolen keys."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from msgspec import structs

from broker.streams import KEYS, intel_stream, topic_of
from node.limits import SUITE
from node.primitives import digest
from node.reports.validate import validate
from node.stages import StreamHead
from schemas.avro import codec
from schemas.avro.codec import BadMessage
from schemas.types import Batch, Connection, Entity, IntelligenceReport, SealedMessage
from tests.campaign.broker import Broker
from tests.campaign.setting import HOSTILE_SUBJECT, REGION, TOPOLOGY
from tests.support.exchange import report
from tests.support.records import AudienceKey, Author, parts

INTEL = intel_stream(REGION)


def unsigned(community: bytes, code: str, stream: str, number: int, *, now: int) -> bytes:
    """A record in the name of `code` that names an unknown governance state and a key that nobody lists."""
    batch = Batch(
        suite=SUITE,
        community=community,
        originator=code,
        stream=stream,
        first_sequence=2,
        size=1,
        root=bytes(32),
        previous=b"\1" * 32,
        sealed_at=now,
        governance=7,
        key_id=b"a key that nobody lists".ljust(32),
    )
    return codec.unsafe_encode(
        SealedMessage(
            header=b"h",
            content_hash=bytes(32),
            content=b"x%d" % number,
            batch=codec.unsafe_encode(batch),
            signature=bytes(64),
            index=0,
            path=b"",
        )
    )


def report_by(author: Author, number: int, **changes: Any) -> IntelligenceReport:
    """A valid report of an attacker."""
    text = {"text": f"Hostile report {number}.", "language": "en"}
    fields = report(narrative=text, subjects=[HOSTILE_SUBJECT], **changes)
    draft = validate(fields, originator=author.code, topology=TOPOLOGY, now_ms=author.now, resolve_references={})
    return draft.report


def messages(author: Author, key: AudienceKey, count: int) -> list[bytes]:
    """Records of valid reports, each in a batch of its own."""
    return [author.message(key, report_by(author, number)) for number in range(count)]


def expensive(author: Author) -> Sequence[IntelligenceReport]:
    """Small reports whose rules cost much: connections between entities that do not exist, and long names."""
    base = report_by(author, 0)
    entity = structs.replace(base.entities[0], identifiers=())
    entities: tuple[Entity, ...] = tuple(structs.replace(entity, id=number + 1) for number in range(1000))
    connections = tuple(
        Connection(from_=10**6 + number, to=10**6 + number, role="x", statement="FACT") for number in range(1000)
    )
    wrong = tuple(structs.replace(entity, kind="?", statement="?") for entity in entities)
    return (
        structs.replace(base, entities=entities, connections=connections),
        structs.replace(base, entities=wrong, connections=()),
    )


def thief_of(broker: Broker, author: Author) -> Author:
    """The author with the heads that its streams have in the log, as a thief of its key reads them there."""
    for stream in (KEYS, INTEL):
        batches = list(_readable(broker.values(topic_of(stream, author.code))))
        if batches:
            newest = max(batches, key=lambda batch: batch.first_sequence)
            author.heads[stream] = StreamHead(
                next_sequence=newest.first_sequence + newest.size,
                batch_hash=digest(codec.unsafe_encode(newest)),
                sealed_at=newest.sealed_at,
            )
    return author


def _readable(values: Iterable[bytes]) -> Iterator[Batch]:
    """The batches of records; another attacker may have written what is not a record."""
    for value in values:
        with suppress(BadMessage):
            yield codec.decode(Batch, parts(value).batch)
