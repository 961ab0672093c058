"""Seals addressed drafts: gives each audience a key and builds the signed batches.

Pure: randomness and time are arguments. The relay (node/sending/relay.py) reads the drafts and stores the result.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from msgspec import structs

from broker.streams import KEYS
from node.limits import AUDIENCE_KEY_LIFE_MS_MAX, BATCH_LEAVES_MAX
from node.sealing.seal import RandomSource, Signer, open_type_leaf, seal_batch, seal_report
from node.sending.addressed_drafts import AddressedDraft
from node.sending.own_records import SealedContent
from node.sharing.audience import Audience, make_grants
from node.sharing.grants import own_entry
from node.stages import Grant, Leaf, NotAddressed, SealedBatch, StreamHead, Waiting
from node.store.own_batches import OwnBatch
from node.store.own_grants import OwnGrant
from node.store.own_reports import SealedDraft
from node.verification.judge import Judge
from schemas.avro import codec
from schemas.types import KeyGrant, Labels, MessageType

GRANTS_DECODED_MAX: Final = 64  # of about 10 KB for 60 recipients
KEY_USE_MS: Final = AUDIENCE_KEY_LIFE_MS_MAX - 60 * 1000  # a key is not used in the last minute of its life


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantedKey:
    """The key of an audience."""

    key: bytes = field(repr=False)
    key_id: bytes
    grant: int
    """The sequence of the grant in the own `keys` stream."""


@dataclass(slots=True)
class SealedDrafts:
    """What one sealing made and one transaction will write. Made by `DraftSealer.seal` only."""

    batches: list[SealedBatch] = field(default_factory=list)
    grants: dict[bytes, OwnGrant] = field(default_factory=dict)
    """New grants by audience hash."""

    reused: dict[bytes, int] = field(default_factory=dict)
    """Sequences of the earlier grants that serve again, by audience hash."""

    sealed: dict[int, SealedDraft] = field(default_factory=dict)
    """By draft id."""

    contents: dict[tuple[str, int], SealedContent] = field(default_factory=dict)
    """By stream and sequence."""

    def sealed_batches(self, drafts: Sequence[AddressedDraft]) -> list[OwnBatch]:
        """The batches, each with the recipients whose receipts about it count."""
        granted = [draft for draft in drafts if draft.audience_hash in self.grants]
        return [
            OwnBatch(
                hash=batch.head.batch_hash,
                stream=batch.stream,
                first=batch.first_sequence,
                size=len(batch.values),
                sealed_at=batch.head.sealed_at,
                recipients=frozenset(
                    recipient
                    for draft in (granted if batch.stream == KEYS else drafts)
                    if batch.stream in (KEYS, draft.stream)
                    for recipient in draft.admitted
                ),
            )
            for batch in self.batches
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftSealer:
    """Seals drafts at one time, after the heads that the own streams have then."""

    signer: Signer
    judge: Judge
    heads: Mapping[str, StreamHead]
    now: int
    """Not before a head's `sealed_at`, nor before the `created_at` of a report that is sealed."""

    random: RandomSource

    def seal(self, drafts: Sequence[AddressedDraft], earlier: Mapping[bytes, OwnGrant]) -> SealedDrafts:
        """Seal `drafts`; `earlier` are the newest grants of their audiences, by audience hash.

        Drafts whose grants do not fit into one batch of `keys` are left for the next sealing.
        """
        result = SealedDrafts()
        keys = self._granted_keys(result, drafts, earlier)
        by_stream: dict[str, list[AddressedDraft]] = {}
        for draft in (draft for draft in drafts if draft.audience_hash in keys):
            by_stream.setdefault(draft.stream, []).append(draft)
        for stream, members in by_stream.items():
            head = self._head(stream)
            leaves = []
            for sequence, draft in enumerate(members, head.next_sequence):
                labels = structs.replace(draft.labels, salt=self.random(32))
                leaves.append(self._leaf(draft, labels, keys[draft.audience_hash]))
                result.sealed[draft.row.id] = SealedDraft(
                    sequence, draft.admitted, draft.missed, size=len(draft.row.payload)
                )
                result.contents[stream, sequence] = SealedContent(
                    labels=labels, payload=draft.row.payload, terms=draft.terms
                )
            result.batches.append(self._batch(leaves, stream, head))
        return result

    def _head(self, stream: str) -> StreamHead:
        return self.heads.get(stream, StreamHead())

    def _batch(self, leaves: Sequence[Leaf], stream: str, head: StreamHead) -> SealedBatch:
        return seal_batch(leaves, stream=stream, head=head, sealed_at=self.now, signer=self.signer)

    def _leaf(self, draft: AddressedDraft, labels: Labels, key: GrantedKey) -> Leaf:
        return seal_report(
            draft.row.payload,
            labels,
            region=draft.row.region,
            message_id=draft.row.message_id,
            audience_key=key.key,
            audience_key_id=key.key_id,
            grant=key.grant,
            signer=self.signer,
            random=self.random,
        )

    def _granted_keys(
        self, result: SealedDrafts, drafts: Sequence[AddressedDraft], earlier: Mapping[bytes, OwnGrant]
    ) -> dict[bytes, GrantedKey]:
        """The key of each audience, by audience hash. New grants become a batch of `keys`."""
        keys: dict[bytes, GrantedKey] = {}
        leaves: list[Leaf] = []
        head = self._head(KEYS)
        for draft in drafts:
            name = draft.audience_hash
            if name in keys:
                continue
            if (held := self._earlier_key(earlier.get(name))) is not None:
                keys[name] = held
                result.reused[name] = held.grant
                continue
            key = self.random(32)
            bodies = self._grants(draft.audience, key)
            if leaves and len(leaves) + len(bodies) > BATCH_LEAVES_MAX:
                break
            encoded = [codec.encode(body) for body in bodies]
            leaves += [open_type_leaf(MessageType.KEY_GRANT, part, message_id=self.random(16)) for part in encoded]
            last = head.next_sequence + len(leaves) - 1
            own = next((index for index, body in enumerate(bodies) if self._has_own_entry(body)), 0)
            result.grants[name] = OwnGrant(sequence=last, sealed_at=self.now, body=encoded[own])
            keys[name] = GrantedKey(key=key, key_id=bodies[own].audience_key_id, grant=last)
        if leaves:
            result.batches.append(self._batch(leaves, KEYS, head))
        return keys

    def _has_own_entry(self, body: KeyGrant) -> bool:
        return any(entry.recipient == self.signer.originator for entry in body.entries)

    def _grants(self, audience: Audience, key: bytes) -> list[KeyGrant]:
        """The grant of the key, in its parts."""
        return make_grants(
            audience,
            key=key,
            community=self.signer.community,
            originator=self.signer.originator,
            use_until=self.now + AUDIENCE_KEY_LIFE_MS_MAX,
        )

    def _earlier_key(self, grant: OwnGrant | None) -> GrantedKey | None:
        """The key of an earlier grant, from this node's own entry in it.

        None if there is no grant, if its time is over, or if the private key of the entry was replaced.
        """
        if grant is None or not grant.sealed_at <= self.now < grant.sealed_at + KEY_USE_MS:
            return None
        originator, body = self.signer.originator, _decoded(grant.body)
        own = Grant(originator=originator, sequence=grant.sequence, sealed_at=grant.sealed_at, body=body)
        entry = own_entry(own, originator, self.judge.holds)
        if isinstance(entry, (Waiting, NotAddressed)):
            return None
        key = self.judge.audience_keys.key(own, entry)
        return GrantedKey(key=key, key_id=body.audience_key_id, grant=grant.sequence)


@lru_cache(GRANTS_DECODED_MAX)
def _decoded(body: bytes) -> KeyGrant:
    """A grant serves many batches, and is decoded once."""
    return codec.decode(KeyGrant, body)
