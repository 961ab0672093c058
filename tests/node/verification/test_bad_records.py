"""Bad records on their way through log and store: each ends with its code, none is held, and the reader goes on."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from node.limits import CLOCK_SKEW_MS_MAX, DAY_MS, RECORD_SIZE_BYTES_MAX
from node.sealing.seal import open_type_leaf
from node.stages import Leaf
from node.store.quarantine import UNAUTHENTICATED_PER_DAY_MAX
from node.verification.steps import STEP_OF_REJECTION
from schemas.avro import codec
from schemas.types import GrantEntry, KeyGrant, KeyUse, MessageType
from tests.support.bed import GRANTS, Bed, bed
from tests.support.community import T0, YEAR, keys_of
from tests.support.readers import granted, world
from tests.support.records import (
    INTEL,
    NOW,
    AudienceKey,
    changed,
    entry_changed,
    report_of,
    sealed,
    wrap_for,
)

H = bytes(range(32))
Make = Callable[[Bed], bytes]


FIRST = b"first report id."


def aside(change: Callable[[bytes], bytes]) -> Make:
    """A changed copy of the next report; the true one comes after it."""
    return lambda one: change(one.bz.fork().message(one.key))


def batch(**fields: Any) -> Make:
    """The next report in a batch with wrong fields; the true one comes after it."""
    return lambda one: one.bz.fork().batch([one.bz.sealed_leaf(one.key)], **fields)[0]


def other_leaf(made: Callable[[Leaf], Leaf]) -> Make:
    """Another leaf in the batch of the next report; the true one comes after it."""
    return lambda one: one.bz.fork().batch([made(one.bz.sealed_leaf(one.key))])[0]


def placed(**leaf: Any) -> Make:
    """A report that takes its place and is refused then."""
    return lambda one: one.bz.message(one.key, **leaf)


AGREE = keys_of("BZ").newest(KeyUse.AGREE)
NOT_PLACED: dict[str, tuple[str, Make]] = {
    "too large": ("record_too_large", lambda _: bytes(RECORD_SIZE_BYTES_MAX + 1)),
    "random bytes": ("framing_invalid", lambda _: random.Random(1).randbytes(500)),
    "a byte more": ("framing_invalid", aside(lambda value: value + b"\x00")),
    "a byte less": ("framing_invalid", aside(lambda value: value[:-1])),
    "batch of size 0": ("batch_malformed", batch(size=0)),
    "foreign community": ("community_mismatch", batch(community=H)),
    "foreign stream": ("stream_mismatch", batch(stream="intel.europe")),
    "unknown suite": ("suite_unknown", batch(suite=2)),
    "unknown key": ("key_unknown", batch(key_id=H)),
    "key of another use": ("key_use_wrong", batch(key=AGREE)),
    "forged signature": ("signature_invalid", aside(lambda value: changed(value, signature=bytes(64)))),
    "a path to nowhere": ("path_invalid", aside(lambda value: changed(value, path=bytes(32)))),
    "tampered content": ("content_mismatch", aside(lambda value: changed(value, content=bytes(1084)))),
    "type of another stream": (
        "header_malformed",
        other_leaf(lambda _: open_type_leaf(MessageType.RECEIPT, b"x", message_id=bytes(16))),
    ),
    "content of no padded length": (
        "body_malformed",
        other_leaf(lambda leaf: Leaf(header=leaf.header, content=bytes(99))),
    ),
    "another first batch": ("equivocation", lambda one: world().author().message(one.key)),
    "sealed before its predecessor": ("chain_invalid", batch(sealed_at=NOW - 1)),
    "a sequence left out": ("chain_invalid", batch(first_sequence=9)),
    "sealed when the document had ended": ("key_not_valid", batch(sealed_at=T0 + YEAR)),
}
PLACED: dict[str, tuple[str, Make]] = {
    "an id again": ("message_id_reused", placed(message_id=FIRST)),
    "another key than the grant's": ("grant_unlawful", placed(sealing={"audience_key_id": H})),
    "sealed under another key": ("commitment_mismatch", placed(seal=lambda framed, _: sealed(framed, H))),
    "a tag of zeros": ("decryption_failed", placed(seal=lambda f, key: sealed(f, key)[:-16] + bytes(16))),
    "labels of another report": ("labels_mismatch", placed(sealing={"labels_hash": H})),
    "unknown payload schema": ("payload_schema_unknown", placed(payload=b"\xc3\x01" + bytes(100))),
    "malformed payload": ("payload_malformed", placed(payload=codec.encode(report_of()) + b"\x00")),
}
CASES = NOT_PLACED | PLACED


@pytest.mark.parametrize(("code", "make"), CASES.values(), ids=CASES)
async def test_a_bad_record_ends_with_its_code_and_the_next_good_one_is_stored(
    code: str, make: Make, tmp_path: Path
) -> None:
    """The raw bytes lie in quarantine, nothing of them in the store, and a refusal up to step 9 takes no place."""
    async with bed(tmp_path) as one:
        await one.read(one.bz.message(one.key, message_id=FIRST))
        bad = make(one)
        await one.read(bad, one.bz.message(one.key))
        await one.read(bad)
        refused = [kept.record for kept in await one.quarantine()]

        assert [(kept.code, kept.step, kept.position, kept.value) for kept in refused] == [
            (code, STEP_OF_REJECTION[code], 1, bad)
        ]
        assert [(kept.place.originator, kept.place.stream) for kept in refused] == [("BZ", INTEL)]
        assert await one.held() == ([1, 3] if (code, make) in PLACED.values() else [1, 2])
        assert (await one.counts())["duplicate"] == 1
        assert await one.findings() == []


GRANTS_CASES: dict[str, tuple[str, Callable[[KeyGrant, AudienceKey], KeyGrant]]] = {
    "a wrap of another key": (
        "audience_key_mismatch",
        lambda grant, key: structs.replace(
            grant,
            entries=codec.sorted_set([wrap_for(world().author(), H, key.key_id, "GT", grant.entries[1].clauses)]),
        ),
    ),
    "a life of more than a day": (
        "grant_unlawful",
        lambda grant, _: structs.replace(grant, use_until=NOW + 2 * DAY_MS),
    ),
    "an entry without clauses": ("body_malformed", lambda grant, _: entry_changed(grant, "GT", clauses=())),
}


@pytest.mark.parametrize(("code", "change"), GRANTS_CASES.values(), ids=GRANTS_CASES)
async def test_a_bad_grant_ends_with_its_code_and_opens_nothing(
    code: str, change: Callable[[KeyGrant, AudienceKey], KeyGrant], tmp_path: Path
) -> None:
    """What was sealed under it is refused likewise, or waits for the grant that never came; the next grant is good."""
    async with bed(tmp_path, grant=False) as one:
        bad = one.bz.grant(change(one.grant, one.key))
        under_it = one.bz.message(one.key)
        key, lawful = granted(one.bz)
        await one.send(bad, one.bz.grant(lawful), topic=GRANTS)
        await one.read(under_it, one.bz.message(AudienceKey(key=key.key, key_id=key.key_id, grant=2)))
        refused = {kept.record.place.stream: (kept.record.code, kept.record.value) for kept in await one.quarantine()}

        assert refused["keys"] == (code, bad)
        assert await one.held() == [2]
        if code == "body_malformed":
            assert (await one.counts())["waiting"] == 1
        else:
            assert refused[INTEL] == (code, under_it)


def test_each_code_of_the_contract_has_a_bad_record() -> None:
    """`governance_stale` needs the registry."""
    shown = {code for code, _ in (*CASES.values(), *GRANTS_CASES.values())}

    assert shown == STEP_OF_REJECTION.keys() - {"governance_stale"}


# A record in another place.


PLACES = {
    "another stream of another": "intel.europe.es",
    "another originator": "intel.caribbean.mx",
    "the keys": "keys.bz",
    "the receipts of another": "receipts.mx",
}


@pytest.mark.parametrize("topic", PLACES.values(), ids=PLACES)
async def test_a_record_moved_to_another_topic_is_refused_there_and_stored_at_its_place(
    topic: str, tmp_path: Path
) -> None:
    async with bed(tmp_path) as one:
        value = one.bz.message(one.key)
        await one.read(value, topic=topic)
        await one.read(value)

        assert [(kept.record.code, kept.record.value) for kept in await one.quarantine()] == [
            ("stream_mismatch", value)
        ]
        assert await one.held() == [1]


async def test_of_two_branches_the_one_that_was_first_goes_on(tmp_path: Path) -> None:
    async with bed(tmp_path) as one:
        await one.read(one.bz.message(one.key))
        other = one.bz.fork()
        true, forged = one.bz.message(one.key), other.message(one.key)
        await one.read(true, forged, one.bz.message(one.key), other.message(one.key))

        assert await one.held() == [1, 2, 3]
        refused = [(kept.record.code, kept.record.sequence) for kept in await one.quarantine()]
        assert sorted(refused) == [("equivocation", 2), ("equivocation", 3)]
        assert await one.findings() == []


# Grants of others, and later ones.


async def test_a_grant_by_another_node_opens_nothing(tmp_path: Path) -> None:
    """MX was given BZ's key and hands it to GT: a grant counts only in the originator's own stream."""
    async with bed(tmp_path, grant=False) as one:
        body = structs.replace(one.grant, entries=codec.sorted_set([_entry_of_mx(one)]))
        await one.send(one.mx.grant(body), topic="keys.mx")
        await one.read(one.bz.message(one.key))

        assert await one.held() == []
        assert (await one.counts())["waiting"] == 1


def _entry_of_mx(one: Bed) -> GrantEntry:
    return wrap_for(one.mx, one.key.key, one.key.key_id, "GT", one.grant.entries[1].clauses)


@pytest.mark.parametrize("together", [True, False], ids=["read together", "read one after the other"])
async def test_a_later_grant_adds_no_reader_to_a_key(together: bool, tmp_path: Path) -> None:
    """The first grant of the key is for MX alone; what names the second, with GT in it, is unlawful for everybody."""
    async with bed(tmp_path, grant=False) as one:
        first = structs.replace(one.grant, entries=(one.grant.entries[0], one.grant.entries[2]))
        await one.send(one.bz.grant(first), topic=GRANTS)
        if not together:
            await one.read()
        await one.send(one.bz.grant(one.grant), topic=GRANTS)
        await one.read(one.bz.message(one.key), one.bz.message(one.key, sealing={"grant": 2}))

        assert await one.held() == []
        assert (await one.counts())["not_addressed"] == 1
        assert [(kept.record.code, kept.record.sequence) for kept in await one.quarantine()] == [("grant_unlawful", 2)]


# Held.


async def test_a_record_from_the_future_is_stored_when_the_clock_reaches_it(tmp_path: Path) -> None:
    async with bed(tmp_path) as one:
        one.bz.now = NOW + 3_600_000
        await one.read(one.bz.message(one.key, report_of()), one.bz.message(one.key, report_of()))
        held = await one.counts()
        one.made.clock.now = one.bz.now - CLOCK_SKEW_MS_MAX - 1
        await one.gt.subscriber.retry_due()
        still = await one.held()
        one.made.clock.now += 1
        await one.gt.subscriber.retry_due()

        assert held == {"held": 2, "verified_KEY_GRANT": 1}
        assert still == []
        assert await one.held() == [1, 2]
        assert "held" not in await one.counts()


async def test_what_is_held_for_governance_leaves_no_trace(tmp_path: Path) -> None:
    """Its sequence, its id and its place are free for the true record; it stays held and is no finding."""
    async with bed(tmp_path) as one:
        leaves = [one.bz.sealed_leaf(one.key, message_id=FIRST)]
        await one.read(one.bz.fork().batch(leaves, governance=7)[0])
        held = await one.counts()
        await one.read(one.bz.batch(leaves)[0], one.bz.message(one.key))
        await one.gt.subscriber.retry_all()

        assert held["held"] == 1
        assert await one.held() == [1, 2]
        assert (await one.counts())["held"] == 1
        assert await one.findings() == []
        assert await one.quarantine() == []


async def test_a_recall_is_verified_and_counted_and_not_stored(tmp_path: Path) -> None:
    async with bed(tmp_path) as one:
        await one.read(one.bz.message(one.key, message_id=FIRST), one.bz.recall(one.key, FIRST))

        assert await one.held() == [1]
        assert (await one.counts())["verified_RECALL"] == 1
        assert await one.quarantine() == []


# Limits.


async def test_a_thousand_unauthenticated_records_of_a_stream_and_day_are_kept(tmp_path: Path) -> None:
    async with bed(tmp_path) as one:
        garbage = [b"forged %d" % number for number in range(UNAUTHENTICATED_PER_DAY_MAX + 5)]
        await one.read(*garbage)
        first = await one.counts()
        await one.read(*garbage[:3])
        await one.read(b"one more", topic="intel.europe.es")
        elsewhere = await one.counts()
        await one.read(one.bz.message(one.key, payload=b""))
        authenticated = await one.counts()
        one.made.clock.now += DAY_MS
        await one.read(b"of the next day", one.bz.message(one.key))

        assert (first["quarantined"], first["quarantine_overflow"]) == (UNAUTHENTICATED_PER_DAY_MAX, 5)
        assert (elsewhere["quarantined"], elsewhere["duplicate"]) == (UNAUTHENTICATED_PER_DAY_MAX + 1, 3)
        assert authenticated["quarantined"] == UNAUTHENTICATED_PER_DAY_MAX + 2
        assert (await one.counts())["quarantined"] == UNAUTHENTICATED_PER_DAY_MAX + 3
        assert await one.held() == [2]


async def test_a_reader_answers_no_bad_record(tmp_path: Path) -> None:
    """Nobody outside learns which step failed: reading appends nothing to any topic."""
    async with bed(tmp_path) as one:
        topics = sorted(one.gt.subscriber.places)
        for _, make in PLACED.values():
            await one.send(make(one))
        before = await one.made.bus.bounds(topics)
        await one.gt.read()

        assert len(await one.quarantine()) == len(PLACED) - 1  # the id is new here
        assert await one.made.bus.bounds(topics) == before
