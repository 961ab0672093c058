"""Finds what records name and the log or the documents do not have: grants, batches, recalled messages, agreements.

Streams are read in an order in which what is named comes first: `checkpoints`, which correct the times of batches, then
`keys`, the others, and `receipts`. Records that
a beginning of a topic above 0 hides are not missed: retention removed them.
"""

from collections.abc import Collection
from functools import lru_cache
from typing import Final
from uuid import UUID

from broker.streams import CHECKPOINTS, KEYS, RECEIPTS, topic_of
from node.audit.findings import Finding, about
from node.database.engine import Transaction
from node.stages import StreamId, Verified
from node.store import chains
from node.trust.governance import Governance
from node.verification.receipt_bytes import NOT_ARRIVED
from schemas.types import KeyGrant, Receipt

GRANTS_REMEMBERED_MAX: Final = 10_000
RECALLED_MAX: Final = 100_000  # ids of messages; a recall is rare, and names up to 500


def reading_order(topic: str, place: StreamId) -> tuple[int, str]:
    """Where a topic stands in the order of reading."""
    return ({CHECKPOINTS: 0, KEYS: 1, RECEIPTS: 3}.get(place.stream, 2), topic)


class References:
    """What the records of all streams name."""

    def __init__(self, governance: Governance, beginnings: dict[StreamId, int]) -> None:
        """`beginnings`: the lowest position that the log has of each stream that is read."""
        self._governance = governance
        self._beginnings = beginnings
        self._refused: set[bytes] = set()
        """Hashes of batches of which a record was refused, so that no chain has them."""

        self._recalled: list[tuple[StreamId, int, int, bytes]] = []
        self._known_grants = lru_cache(GRANTS_REMEMBERED_MAX)(lambda _originator, _sequence: [False])

    def refused(self, record: Verified) -> None:
        """The batch of this record is in the log, and has no place in the chain."""
        self._refused.add(record.batch_hash)

    def look(self, db: Transaction, place: StreamId, position: int, record: Verified) -> list[Finding]:
        """What a record names and is not there; the record has its place."""
        if (sealing := record.header.sealing) is not None:
            found = self._grant(db, place, position, record, sealing.grant)
        elif record.grant is not None:
            found = self._agreements(place, position, record, record.grant)
        elif record.receipt is not None:
            found = self._batches(db, place, position, record.receipt)
        else:
            found = []
        if len(self._recalled) < RECALLED_MAX:
            self._recalled += [(place, position, record.sequence, id_) for id_ in record.header.refers_to]
        return found

    def recalled(self, db: Transaction, streams: Collection[StreamId]) -> list[Finding]:
        """The messages that recalls name and that no stream of their originator has, after all were read."""
        missing = []
        for place, position, sequence, id_ in self._recalled:
            own = [stream for stream in streams if stream.originator == place.originator]
            if self._is_whole(own) and all(chains.id_used_at(db, stream, id_) is None for stream in own):
                expected = f"message {UUID(bytes=id_)}, which this record recalls"
                missing.append(
                    about(
                        place, "leaf_missing", position=position, sequence=sequence, expected=expected, found="nothing"
                    )
                )
        return missing

    def _is_whole(self, streams: Collection[StreamId]) -> bool:
        """Whether retention removed nothing of the streams."""
        return all(self._beginnings.get(stream, 0) == 0 for stream in streams)

    def _grant(self, db: Transaction, place: StreamId, position: int, record: Verified, sequence: int) -> list[Finding]:
        keys = StreamId(stream=KEYS, originator=place.originator)
        if not self._is_whole([keys]):
            return []
        known = self._known_grants(place.originator, sequence)
        if not known[0]:
            known[0] = chains.has_place(db, keys, sequence)
        if known[0]:
            return []
        expected = f"the grant at sequence {sequence} of {topic_of(KEYS, place.originator)}"
        return [
            about(
                place,
                "grant_missing",
                position=position,
                sequence=record.sequence,
                expected=expected,
                found="no grant there",
            )
        ]

    def _agreements(self, place: StreamId, position: int, record: Verified, grant: KeyGrant) -> list[Finding]:
        named = {clause.agreement for entry in grant.entries for clause in entry.clauses}
        return [
            about(
                place,
                "agreement_missing",
                position=position,
                sequence=record.sequence,
                expected=f"the AGREEMENT with the hash {hash_.hex()}",
                found="no such document with effect",
            )
            for hash_ in sorted(named)
            if self._governance.agreement_by_hash(hash_) is None
        ]

    def _batches(self, db: Transaction, place: StreamId, position: int, receipt: Receipt) -> list[Finding]:
        """The batches that somebody received and that the log does not have."""
        about_stream = StreamId(stream=receipt.stream, originator=receipt.originator)
        if not self._is_whole([about_stream]):
            return []
        hashes = [
            item.batch
            for item in receipt.items
            if item.batch not in self._refused and any(byte != NOT_ARRIVED for byte in item.outcomes)
        ]
        known = chains.hashes_present(db, about_stream, hashes)
        seen_at = (
            f"only a receipt of {place.originator}, at position {position} of {topic_of(RECEIPTS, place.originator)}"
        )
        return [
            about(
                about_stream,
                "leaf_missing",
                position=None,
                expected=f"the batch with the hash {hash_.hex()}",
                found=seen_at,
            )
            for hash_ in hashes
            if hash_ not in known
        ]
