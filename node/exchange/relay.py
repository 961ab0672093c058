"""Seals what was accepted, and sends what was sealed.

Drafts wait for the log; sealed bytes do not. Sealing decides again who may read, grants a new audience key where one
is needed, verifies its own work with the `verify` that strangers use, and stores batch, sealed bytes and new head in
one transaction that compares the old head. A crash before it means encrypting anew, after it the same bytes are sent
again; readers drop what is repeated.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from broker.log import Log
from broker.streams import KEYS, intel_stream
from node.errors import Unavailable
from node.limits import AUDIENCE_KEY_LIFE_MS_MAX
from node.primitives import ZERO_HASH, digest, frame
from node.reports.labels import labels_of
from node.sealing.seal import (
    RandomSource,
    Signer,
    open_type_leaf,
    seal_batch,
    seal_report,
)
from node.sharing.grants import (
    Audience,
    audience_of,
    make_grant,
    own_entry,
)
from node.sharing.recipients import RecipientCache, Recipients
from node.stages import Grant, Leaf, NotAddressed, SealedBatch, StreamHead, StreamId, Verified, Waiting
from node.store import access_log, outbox, own_grants, own_reports, receipts_received
from node.store.access_log import Operation
from node.store.engine import Store
from node.trust.governance import Governance
from node.verification.judge import Judge
from schemas.avro import codec
from schemas.types import IntelligenceReport, KeyGrant, MessageType

log = structlog.get_logger()

DRAFTS_IN_BATCH_MAX: Final = 256  # one signature and one transaction for so many
APPEND_RECORDS_MAX: Final = 512
KEY_USE_MS: Final = AUDIENCE_KEY_LIFE_MS_MAX - 60 * 1000  # a minute before its end a key is not used any more


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    row: own_reports.UnsealedDraft
    report: IntelligenceReport
    audience: Audience
    name: bytes
    """Of the audience."""

    admitted: tuple[str, ...]

    @property
    def stream(self) -> str:
        return intel_stream(self.row.region)


@dataclass(slots=True)
class _Sealing:
    """What one transaction will write."""

    batches: list[SealedBatch] = field(default_factory=list)
    grants: dict[bytes, own_grants.OwnGrant] = field(default_factory=dict)
    sealed: dict[int, own_reports.SealedDraft] = field(default_factory=dict)

    def own_batches(self, drafts: Sequence[_Draft]) -> list[receipts_received.OwnBatch]:
        """The batches, each with those who may tell what became of it."""
        granted = [draft for draft in drafts if draft.name in self.grants]
        return [
            receipts_received.OwnBatch(
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


def audience_name(audience: Audience) -> bytes:
    """One name for one set of (recipient, key, clauses): when a clause, a member or a key changes, so does the name."""
    return digest(
        frame(
            *(
                frame(member.recipient, member.key_id, *(codec.encode(clause) for clause in member.clauses))
                for member in audience
            )
        )
    )


def check_own_work(batches: Sequence[SealedBatch], judge: Judge) -> None:
    """What strangers would refuse must not leave; it is a bug or a key that is not valid any more."""
    for batch in batches:
        place = StreamId(stream=batch.stream, originator=judge.node)
        for value in batch.values:
            checked = judge.authenticate(value, place)
            if not isinstance(checked, Verified):
                raise Unavailable(
                    "sealing_refused",
                    f"the own verification refuses what was sealed: {checked.code}, {checked.reason}",
                    hint="install a NODE document that is valid now and lists this node's keys and streams",
                )


@dataclass(slots=True, kw_only=True)
class Relay:
    """The way of one node's drafts to the log."""

    store: Store
    bus: Log
    signer: Signer
    judge: Callable[[], Judge]
    topic_of: Callable[[str], str]
    """Own stream -> topic."""

    clock: Callable[[], int]
    random: RandomSource

    async def step(self) -> int:
        """Send what is sealed, seal what waits if the log is there, send that; returns the number of records sent.

        Raises LogUnavailable or Unavailable; nothing is lost then.
        """
        sent = await self.send()
        while await self._waits_and_log_is_there() and await self.seal():
            sent += await self.send()
        return sent

    async def _waits_and_log_is_there(self) -> bool:
        async with self.store.read() as db:
            if not await own_reports.unsealed(db, 1):
                return False
        await self.bus.bounds([self.topic_of(KEYS)])
        return True

    async def seal(self) -> int:
        """Seal the oldest drafts; returns how many."""
        judge = self.judge()
        async with self.store.read() as db:
            rows = await own_reports.unsealed(db, DRAFTS_IN_BATCH_MAX)
            heads = await outbox.heads(db)
            reports = [codec.decode(IntelligenceReport, row.payload) for row in rows]
            # The one time of this sealing: never below a head's or a report's, also if the clock went back.
            now = max([self.clock(), *(head.sealed_at for head in heads.values()), *(r.created_at for r in reports)])
            drafts = self._addressed(rows, reports, judge.governance, now)
            known = await own_grants.newest(db, {draft.name for draft in drafts})
        if not drafts:
            return 0
        work = _Sealing()
        keys = self._keys(work, drafts, known, heads, judge, now)
        self._seal_streams(work, drafts, keys, heads, now)
        check_own_work(work.batches, judge)
        try:
            async with self.store.write() as db:
                await outbox.store_batches(db, heads, work.batches)
                await own_grants.put(db, work.grants)
                await own_reports.mark_sealed(db, work.sealed)
                await receipts_received.put_own_batches(db, work.own_batches(drafts))
                await access_log.add(
                    db,
                    Operation.DISCLOSURE,
                    actor=judge.node,
                    subjects=[(draft.report.report_id, " ".join(draft.admitted)) for draft in drafts if draft.admitted],
                    now=now,
                )
        except outbox.HeadMoved:
            log.warning("head_moved")
        return len(drafts)

    def _addressed(
        self,
        rows: Sequence[own_reports.UnsealedDraft],
        reports: Sequence[IntelligenceReport],
        governance: Governance,
        now: int,
    ) -> list[_Draft]:
        """To whom each draft goes; an audience is made and named once, however many drafts it is for."""
        decide = RecipientCache(originator=self.signer.originator, governance=governance, at=now).decide
        named: dict[int, tuple[Recipients, Audience, bytes]] = {}  # by identity: the cache keeps each answer
        drafts = []
        for row, report in zip(rows, reports, strict=True):
            addressed = decide(labels_of(report, ZERO_HASH), row.region)
            if id(addressed) not in named:
                audience = audience_of(
                    addressed.admitted, originator=self.signer.originator, governance=governance, t=now
                )
                named[id(addressed)] = addressed, audience, audience_name(audience)
            _, audience, name = named[id(addressed)]
            drafts.append(
                _Draft(row=row, report=report, audience=audience, name=name, admitted=tuple(addressed.admitted))
            )
        return drafts

    def _keys(
        self,
        work: _Sealing,
        drafts: Sequence[_Draft],
        known: Mapping[bytes, own_grants.OwnGrant],
        heads: Mapping[str, StreamHead],
        judge: Judge,
        now: int,
    ) -> dict[bytes, tuple[bytes, bytes, int]]:
        """Each audience's key, the key's id and the sequence of its grant; new grants become a batch of `keys`."""
        keys: dict[bytes, tuple[bytes, bytes, int]] = {}
        leaves: list[Leaf] = []
        head = heads.get(KEYS, StreamHead())
        for draft in drafts:
            name = draft.name
            if name in keys:
                continue
            grant = known.get(name)
            if grant is not None and grant.sealed_at <= now < grant.sealed_at + KEY_USE_MS:
                held = self._own_key(grant, judge)
                if held is not None:
                    keys[name] = held
                    continue
            key = self.random(32)
            sequence = head.next_sequence + len(leaves)
            body = make_grant(
                draft.audience,
                key=key,
                community=self.signer.community,
                originator=self.signer.originator,
                use_until=now + AUDIENCE_KEY_LIFE_MS_MAX,
            )
            encoded = codec.encode(body)
            leaves.append(open_type_leaf(MessageType.KEY_GRANT, encoded, message_id=self.random(16)))
            work.grants[name] = own_grants.OwnGrant(sequence=sequence, sealed_at=now, body=encoded)
            keys[name] = key, body.audience_key_id, sequence
        if leaves:
            work.batches.append(seal_batch(leaves, stream=KEYS, head=head, sealed_at=now, signer=self.signer))
        return keys

    def _own_key(self, grant: own_grants.OwnGrant, judge: Judge) -> tuple[bytes, bytes, int] | None:
        """The key of an earlier grant, from the node's own entry in it; None if the private key was replaced."""
        body = codec.decode(KeyGrant, grant.body)
        own = Grant(originator=self.signer.originator, sequence=grant.sequence, sealed_at=grant.sealed_at, body=body)
        entry = own_entry(own, self.signer.originator, judge.holds)
        if isinstance(entry, (Waiting, NotAddressed)):
            return None
        return judge.audience_keys.key(own, entry), body.audience_key_id, grant.sequence

    def _seal_streams(
        self,
        work: _Sealing,
        drafts: Sequence[_Draft],
        keys: Mapping[bytes, tuple[bytes, bytes, int]],
        heads: Mapping[str, StreamHead],
        now: int,
    ) -> None:
        by_stream: dict[str, list[_Draft]] = {}
        for draft in drafts:
            by_stream.setdefault(draft.stream, []).append(draft)
        for stream, members in by_stream.items():
            head = heads.get(stream, StreamHead())
            leaves = []
            for index, draft in enumerate(members):
                key, key_id, grant = keys[draft.name]
                leaves.append(
                    seal_report(
                        draft.report,
                        draft.row.payload,
                        message_id=draft.row.message_id,
                        audience_key=key,
                        audience_key_id=key_id,
                        grant=grant,
                        signer=self.signer,
                        random=self.random,
                    )
                )
                work.sealed[draft.row.id] = own_reports.SealedDraft(
                    sequence=head.next_sequence + index, audience=draft.admitted
                )
            work.batches.append(seal_batch(leaves, stream=stream, head=head, sealed_at=now, signer=self.signer))

    async def send(self) -> int:
        """Append every sealed record that is not acknowledged, in sequence order; returns how many."""
        sent = 0
        async with self.store.read() as db:
            names = await outbox.streams_to_send(db)
        for stream in names:
            while True:
                async with self.store.read() as db:
                    rows = await outbox.unacknowledged(db, stream, APPEND_RECORDS_MAX)
                if not rows:
                    break
                await self.bus.append(self.topic_of(stream), [value for _, value in rows])
                async with self.store.write() as db:
                    await outbox.acknowledge(db, stream, rows[0][0], rows[-1][0])
                sent += len(rows)
        return sent
