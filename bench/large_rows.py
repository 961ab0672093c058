"""The rows of the messages that fill a large store (bench/large_store.py), as the services would have written them.

All data is synthetic, and the same for the same number of a message.
"""

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Final

from bench.large_reports import ReportTemplate, large_report
from bench.material import CODES, READER
from broker.streams import intel_stream, topic_of
from node.database import outgoing_tables, receipt_tables, record_tables, stream_tables
from node.primitives import digest
from node.verification.receipt_bytes import STORED

BATCH_SIZE: Final = 64
RECORD_SIZE_BYTES: Final = 1_900  # of a sealed report of 1,000 bytes
REGION: Final = "filled"
_NOISE: Final = hashlib.shake_128(b"records").digest(1 << 16)
COLUMNS: Final = {
    record_tables.message: (
        "id message_id originator stream sequence report_id created_at received_at expires_at agreement clause "
        "payload record"
    ),
    record_tables.message_subject: "subject message",
    record_tables.identifier: "scheme value message country",
    record_tables.message_text: "message text",
    stream_tables.used_id: "originator stream message_id sequence",
    stream_tables.link: "originator stream first size hash previous sealed_at arrived linked whole",
    stream_tables.reading: "topic stream originator position highest",
    receipt_tables.batch_outcome: "originator stream hash outcomes due due_since changed_at",
    receipt_tables.own_batch: "hash stream first size sealed_at recipients",
    receipt_tables.receipt: "batch recipient sequence outcomes sealed_at received_at",
    outgoing_tables.draft: "report_id region message_id content_hash payload created_at sequence audience",
}

Rows = defaultdict[str, list[tuple[Any, ...]]]
"""Name of a table -> rows, columns as in COLUMNS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """What to fill a store with."""

    messages: int
    now_ms: int
    """The newest message was received then, each message before it a second earlier."""

    node: str = READER
    """The node whose store it is."""

    originators: tuple[str, ...] = CODES
    """They take turns, batch by batch."""

    region: str = REGION
    """A region of its own, so that the chains of a measured exchange are not affected."""

    @property
    def stream(self) -> str:
        """The stream of all messages."""
        return intel_stream(self.region)


def rows_of(filling: Filling, template: ReportTemplate, batches: range, last_id: int) -> Rows:
    """The rows of these batches, whose messages get the ids after `last_id`; with the last one, the positions."""
    rows: Rows = defaultdict(list)
    for batch in batches:
        _add_batch(rows, filling, batch)
        for number in _numbers(filling, batch):
            _add_message(rows, filling, template, number, last_id + number + 1)
    if batches.stop * BATCH_SIZE >= filling.messages:
        _add_positions(rows, filling)
    rows[record_tables.identifier.name].sort()  # in the order of the index
    return rows


def _numbers(filling: Filling, batch: int) -> range:
    """The messages of a batch."""
    return range(batch * BATCH_SIZE, min((batch + 1) * BATCH_SIZE, filling.messages))


def _place(filling: Filling, number: int) -> tuple[str, int]:
    """Originator and sequence of a message."""
    batch, leaf = divmod(number, BATCH_SIZE)
    turn, index = divmod(batch, len(filling.originators))
    return filling.originators[index], turn * BATCH_SIZE + leaf + 1


def _time(filling: Filling, number: int) -> int:
    return filling.now_ms - 1000 * (filling.messages - number)


def _add_message(rows: Rows, filling: Filling, template: ReportTemplate, number: int, id_: int) -> None:
    report, at = large_report(number), _time(filling, number)
    originator, sequence = _place(filling, number)
    message_id = digest(b"message %d" % number)[:16]
    own = originator == filling.node
    start = number * 7 % (len(_NOISE) - RECORD_SIZE_BYTES)
    record = message_id + _NOISE[start : start + RECORD_SIZE_BYTES - 16]
    clause = (None, None) if own else ("ALL", "1")
    place = (originator, filling.stream)
    times = (at, at, template.expires_at)
    rows["message"].append(
        (id_, message_id, *place, sequence, report.report_id, *times, *clause, template.payload(report), record)
    )
    rows["message_subject"] += [(subject, id_) for subject in template.terms.subjects]
    rows["identifier"] += [(scheme, value, id_, country) for scheme, value, country in report.identifiers()]
    rows["message_text"].append((id_, template.text(report)))
    rows["used_id"].append((*place, message_id, sequence))
    if own:
        audience = " ".join(sorted(set(filling.originators) - {filling.node}))
        sealed = (digest(message_id), None, at, sequence, audience)
        rows["draft"].append((report.report_id, filling.region, message_id, *sealed))


def _hash(filling: Filling, batch: int) -> bytes:
    """The hash of a batch; zeros before the first one of its originator."""
    return bytes(32) if batch < 0 else digest(f"batch {filling.region} {batch}".encode())


def _add_batch(rows: Rows, filling: Filling, batch: int) -> None:
    numbers = _numbers(filling, batch)
    originator, first = _place(filling, numbers.start)
    size, at = len(numbers), _time(filling, numbers.start)
    hash_, previous = _hash(filling, batch), _hash(filling, batch - len(filling.originators))
    arrived = ((1 << size) - 1).to_bytes((size + 7) // 8, "little")
    place, outcomes = (originator, filling.stream), bytes([STORED]) * size
    rows["link"].append((*place, first, size, hash_, previous, at, arrived, True, True))
    if originator != filling.node:
        rows["batch_outcome"].append((*place, hash_, outcomes, 0, at, at))
        return
    recipients = sorted(set(filling.originators) - {filling.node})
    rows["own_batch"].append((hash_, filling.stream, first, size, at, " ".join(recipients)))
    rows["receipt"] += [(hash_, code, batch + 1, outcomes, at, at) for code in recipients]


def _add_positions(rows: Rows, filling: Filling) -> None:
    highest = dict(_place(filling, number) for number in range(filling.messages))
    rows["reading"] += [
        (topic_of(filling.stream, originator), filling.stream, originator, sequence, sequence)
        for originator, sequence in highest.items()
    ]
