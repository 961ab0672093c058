"""`clock show` and `clock confirm`: whether the clock is plausible, and the word of an operator that it is right.

Confirming also leads out of a wrong clock that was set right: own streams whose last batch is dated in the future get a
checkpoint that says when it was sealed at the latest (node/verification/clock_corrections.py). The daemon may run
meanwhile; it sends the checkpoint, and goes on sealing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from broker.streams import CHECKPOINTS
from node.answers.plain_json import TimeMs
from node.clock import now_ms, since_boot
from node.database.engine import Store, Transaction
from node.database.locks import Lock, hold
from node.errors import Unavailable
from node.integrity import clock_checks, clock_corrections
from node.limits import CLOCK_SKEW_MS_MAX
from node.primitives import frame
from node.runtime.current_judge import CurrentJudge
from node.runtime.home import Home
from node.sealing.private_keys import PrivateKeys
from node.sealing.seal import Signer, open_type_leaf, seal_batch
from node.sending.sealing_stops import dated_heads, foreign_records, future_heads, refuse_foreign
from node.stages import SealedBatch, StreamHead, StreamId
from node.store import outbox
from node.store.newest_sealing import newest_sealings
from node.system_random import random_bytes
from node.verification.clock_corrections import ClockCorrection
from node.verification.own_work import check_own_work
from schemas.avro import codec
from schemas.types import Checkpoint, CheckpointBody, Head, KeyUse, MessageType


@dataclass(frozen=True, slots=True, kw_only=True)
class FutureHead:
    """An own stream whose last batch is dated in the future."""

    stream: str
    sealed_at: TimeMs


@dataclass(frozen=True, slots=True, kw_only=True)
class NewestSealing:
    """When another originator sealed the newest of its batches that is here."""

    originator: str
    sealed_at: TimeMs


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockAnswer:
    """What a node knows about its clock."""

    now: TimeMs
    plausible: bool
    problem: str | None
    """What is wrong with it."""

    others: tuple[NewestSealing, ...]
    """What other originators sealed last, as far as it is here."""

    heads_in_future: tuple[FutureHead, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmedClock:
    """A clock that an operator confirmed."""

    confirmed_at: TimeMs
    corrected: tuple[str, ...]
    """The own streams whose last batch counts as sealed now at the latest."""


async def show_clock(home: Home, store: Store) -> ClockAnswer:
    """What the node knows about its clock."""
    return await store.read(partial(_look, node=home.node, now=now_ms()))


def _look(db: Transaction, node: str, now: int) -> ClockAnswer:
    problem = clock_checks.find(db, node, now, since_boot())
    future = future_heads(db, node, now + CLOCK_SKEW_MS_MAX)
    return ClockAnswer(
        now=now,
        plausible=problem is None,
        problem=problem.message if problem is not None else None,
        others=tuple(
            NewestSealing(originator=code, sealed_at=time)
            for code, time in sorted(newest_sealings(db, without=node).items())
        ),
        heads_in_future=tuple(FutureHead(stream=stream, sealed_at=at) for stream, at in sorted(future.items())),
    )


async def confirm_clock(home: Home, store: Store) -> ConfirmedClock:
    """Take the clock for right, and correct the times of own streams that are dated in the future.

    Raises Unavailable, also `own_stream_foreign`; UsageError without a CHECKPOINT key.
    """
    now = now_ms()
    corrected = await store.write(partial(_confirm, home=home, now=now))
    return ConfirmedClock(confirmed_at=now, corrected=corrected)


def _confirm(db: Transaction, home: Home, now: int) -> tuple[str, ...]:
    hold(db, Lock.OUTBOX)
    future = future_heads(db, home.node, now + CLOCK_SKEW_MS_MAX)
    if future:
        _correct(db, home, sorted(future), now)
    hold(db, Lock.FINDINGS)
    clock_checks.note(db, home.node, now, since_boot(), confirmed=True)
    return tuple(sorted(future))


def _correct(db: Transaction, home: Home, streams: list[str], now: int) -> None:
    """Seal the checkpoint, and keep what it says as readers will."""
    refuse_foreign(foreign_records(db, home.node))
    if CHECKPOINTS in streams:
        raise Unavailable(
            "head_in_future", f"the stream {CHECKPOINTS} itself is dated in the future", hint="wait until that time"
        )
    keys, heads = home.keys(), dated_heads(db, home.node)
    judge = CurrentJudge(home.documents(), home.node, keys).judge
    ends = {stream: heads[stream] for stream in streams}
    batch = _checkpoint(keys, judge.governance.community, ends, heads.get(CHECKPOINTS, StreamHead()), now)
    check_own_work([batch], judge)
    outbox.store_batches(db, outbox.heads(db), [batch])
    clock_corrections.put(
        db,
        [
            ClockCorrection(
                stream=StreamId(stream=stream, originator=home.node),
                next_sequence=head.next_sequence,
                batch=head.batch_hash,
                time=now,
            )
            for stream, head in ends.items()
        ],
    )


def _checkpoint(
    keys: PrivateKeys, community: bytes, ends: Mapping[str, StreamHead], after: StreamHead, now: int
) -> SealedBatch:
    """The batch of a checkpoint that names the ends of own streams at the time `now` (ms)."""
    heads = (
        Head(originator=keys.node, stream=stream, next_sequence=head.next_sequence, batch=head.batch_hash)
        for stream, head in ends.items()
    )
    checkpoint = codec.encode(Checkpoint(time=now, heads=codec.sorted_set(heads)))
    key, seal = keys.newest(KeyUse.CHECKPOINT), keys.newest(KeyUse.SEAL)
    signature = key.sign(frame("enlace/1 checkpoint", community, keys.node, checkpoint))
    body = CheckpointBody(checkpoint=checkpoint, key_id=key.key_id, signature=signature)
    leaf = open_type_leaf(MessageType.CHECKPOINT, codec.encode(body), message_id=random_bytes(16))
    signer = Signer(originator=keys.node, community=community, key_id=seal.key_id, sign=seal.sign)
    return seal_batch([leaf], stream=CHECKPOINTS, head=after, sealed_at=now, signer=signer)
