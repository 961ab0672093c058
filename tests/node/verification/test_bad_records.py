"""Bad records go through log and store: each ends with its code, none is stored, and the reader continues."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from node.exchange.quotas import LIMITS
from node.limits import CLOCK_SKEW_MS_MAX, DAY_MS, RECORD_SIZE_BYTES_MAX
from node.sealing.private_keys import PrivateKeys
from node.sealing.seal import open_type_leaf
from node.stages import Leaf
from node.undecided.usage import Budget
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
    """A changed copy of the next report, which arrives before the true record."""
    return lambda scene: change(scene.bz.fork().message(scene.key))


def batch(**fields: Any) -> Make:
    """The next report in a batch with wrong fields, which arrives before the true record."""
    return lambda scene: scene.bz.fork().batch([scene.bz.sealed_leaf(scene.key)], **fields)[0]


def other_leaf(made: Callable[[Leaf], Leaf]) -> Make:
    """Another leaf in the batch of the next report, which arrives before the true record."""
    return lambda scene: scene.bz.fork().batch([made(scene.bz.sealed_leaf(scene.key))])[0]


def placed(**leaf: Any) -> Make:
    """A report that takes its place and is then rejected."""
    return lambda scene: scene.bz.message(scene.key, **leaf)


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
    "another first batch": ("equivocation", lambda scene: world().author().message(scene.key)),
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
    "a code of a later list": (
        "payload_code_unknown",
        lambda scene: scene.bz.message(scene.key, structs.replace(report_of(), urgency="NEW_CODE")),
    ),
    "malformed payload": ("payload_malformed", placed(payload=codec.encode(report_of()) + b"\x00")),
}
CASES = NOT_PLACED | PLACED


@pytest.mark.parametrize(("code", "make"), CASES.values(), ids=CASES)
async def test_a_bad_record_ends_with_its_code_and_the_next_good_one_is_stored(
    code: str, make: Make, tmp_path: Path
) -> None:
    """The raw bytes are in quarantine and no message is stored. A record rejected up to step 9 takes no place."""
    async with bed(tmp_path) as scene:
        await scene.read(scene.bz.message(scene.key, message_id=FIRST))
        bad = make(scene)
        await scene.read(bad, scene.bz.message(scene.key))
        await scene.read(bad)
        refused = [kept.record for kept in await scene.quarantine()]

        assert [(kept.code, kept.step, kept.position, kept.value) for kept in refused] == [
            (code, STEP_OF_REJECTION[code], 1, bad)
        ]
        assert [(kept.place.originator, kept.place.stream) for kept in refused] == [("BZ", INTEL)]
        assert await scene.held() == ([1, 3] if (code, make) in PLACED.values() else [1, 2])
        assert (await scene.counts())["duplicate"] == 1
        assert await scene.findings() == []


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
    """A message under it is rejected too, or waits for the missing grant. The next grant is good."""
    async with bed(tmp_path, grant=False) as scene:
        bad = scene.bz.grant(change(scene.grant, scene.key))
        under_it = scene.bz.message(scene.key)
        key, lawful = granted(scene.bz)
        await scene.send(bad, scene.bz.grant(lawful), topic=GRANTS)
        await scene.read(under_it, scene.bz.message(AudienceKey(key=key.key, key_id=key.key_id, grant=2)))
        refused = {kept.record.place.stream: (kept.record.code, kept.record.value) for kept in await scene.quarantine()}

        assert refused["keys"] == (code, bad)
        assert await scene.held() == [2]
        if code == "body_malformed":
            assert (await scene.counts())["waiting"] == 1
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
    async with bed(tmp_path) as scene:
        value = scene.bz.message(scene.key)
        await scene.read(value, topic=topic)
        await scene.read(value)

        assert [(kept.record.code, kept.record.value) for kept in await scene.quarantine()] == [
            ("stream_mismatch", value)
        ]
        assert await scene.held() == [1]


async def test_the_branch_that_arrived_first_continues(tmp_path: Path) -> None:
    async with bed(tmp_path) as scene:
        await scene.read(scene.bz.message(scene.key))
        other = scene.bz.fork()
        true, forged = scene.bz.message(scene.key), other.message(scene.key)
        await scene.read(true, forged, scene.bz.message(scene.key), other.message(scene.key))

        assert await scene.held() == [1, 2, 3]
        refused = [(kept.record.code, kept.record.sequence) for kept in await scene.quarantine()]
        assert sorted(refused) == [("equivocation", 2), ("equivocation", 3)]
        assert await scene.findings() == []


# Grants of others, and later ones.


async def test_a_grant_by_another_node_opens_nothing(tmp_path: Path) -> None:
    """MX has BZ's key and grants it to GT: a grant counts only in the originator's own stream."""
    async with bed(tmp_path, grant=False) as scene:
        body = structs.replace(scene.grant, entries=codec.sorted_set([_entry_of_mx(scene)]))
        await scene.send(scene.mx.grant(body), topic="keys.mx")
        await scene.read(scene.bz.message(scene.key))

        assert await scene.held() == []
        assert (await scene.counts())["waiting"] == 1


def _entry_of_mx(scene: Bed) -> GrantEntry:
    return wrap_for(scene.mx, scene.key.key, scene.key.key_id, "GT", scene.grant.entries[1].clauses)


@pytest.mark.parametrize("together", [True, False], ids=["read together", "read one after the other"])
async def test_a_later_grant_adds_no_reader_to_a_key(together: bool, tmp_path: Path) -> None:
    """The first grant of the key is only for MX. A message that names the second grant, which has GT, is unlawful."""
    async with bed(tmp_path, grant=False) as scene:
        first = structs.replace(scene.grant, entries=(scene.grant.entries[0], scene.grant.entries[2]))
        await scene.send(scene.bz.grant(first), topic=GRANTS)
        if not together:
            await scene.read()
        await scene.send(scene.bz.grant(scene.grant), topic=GRANTS)
        await scene.read(scene.bz.message(scene.key), scene.bz.message(scene.key, sealing={"grant": 2}))

        assert await scene.held() == []
        assert (await scene.counts())["not_addressed"] == 1
        assert [(kept.record.code, kept.record.sequence) for kept in await scene.quarantine()] == [
            ("grant_unlawful", 2)
        ]


# Held.


async def test_a_record_from_the_future_is_stored_when_the_clock_reaches_it(tmp_path: Path) -> None:
    async with bed(tmp_path) as scene:
        scene.bz.now = NOW + 3_600_000
        await scene.read(scene.bz.message(scene.key, report_of()), scene.bz.message(scene.key, report_of()))
        held = await scene.counts()
        scene.made.clock.now = scene.bz.now - CLOCK_SKEW_MS_MAX - 1
        await scene.gt.subscriber.retry_due()
        still = await scene.held()
        scene.made.clock.now += 1
        await scene.gt.subscriber.retry_due()

        assert held == {"held": 2, "verified_KEY_GRANT": 1}
        assert still == []
        assert await scene.held() == [1, 2]
        assert "held" not in await scene.counts()


async def test_what_is_held_for_governance_leaves_no_trace(tmp_path: Path) -> None:
    """Its sequence, its id and its place are free for the true record. It stays held and makes no finding."""
    async with bed(tmp_path) as scene:
        leaves = [scene.bz.sealed_leaf(scene.key, message_id=FIRST)]
        await scene.read(scene.bz.fork().batch(leaves, governance=7)[0])
        held = await scene.counts()
        await scene.read(scene.bz.batch(leaves)[0], scene.bz.message(scene.key))
        await scene.gt.subscriber.retry_all()

        assert held["held"] == 1
        assert await scene.held() == [1, 2]
        assert (await scene.counts())["held"] == 1
        assert await scene.findings() == []
        assert await scene.quarantine() == []


async def test_a_recall_is_verified_and_counted_and_not_stored(tmp_path: Path) -> None:
    async with bed(tmp_path) as scene:
        await scene.read(scene.bz.message(scene.key, message_id=FIRST), scene.bz.recall(scene.key, FIRST))

        assert await scene.held() == [1]
        assert (await scene.counts())["verified_RECALL"] == 1
        assert await scene.quarantine() == []


# Limits.

STRANGER = PrivateKeys.generate("BZ", (KeyUse.SEAL,)).newest(KeyUse.SEAL)


async def test_records_above_a_budget_are_deferred_and_do_not_take_room_from_other_budgets(tmp_path: Path) -> None:
    """Garbage fills one budget. Other originators, records that a document may cure, and signed records have theirs."""
    most = LIMITS[Budget.FORGEABLE].rows
    async with bed(tmp_path) as scene:
        garbage = [b"forged %d" % number for number in range(most + 5)]
        await scene.read(*garbage)
        first = await scene.counts()
        await scene.read(*garbage[:3])
        await scene.read(b"one more", topic="intel.europe.es")
        elsewhere = await scene.counts()
        await scene.read(scene.bz.message(scene.key, payload=b""))
        await scene.read(*scene.bz.fork().batch([scene.bz.sealed_leaf(scene.key)], key=STRANGER))
        authenticated = await scene.counts()
        await scene.read(scene.bz.message(scene.key))

        assert (first["quarantined"], first["deferred"]) == (most, 5)
        assert (elsewhere["quarantined"], elsewhere["duplicate"]) == (most + 1, 3)
        assert authenticated["quarantined"] == most + 3
        assert await scene.held() == [2]
        assert ("records_deferred", None) in await scene.findings()


async def test_a_reader_answers_no_bad_record(tmp_path: Path) -> None:
    """Reading appends nothing to any topic, so no other node learns which step failed."""
    async with bed(tmp_path) as scene:
        topics = sorted(scene.gt.subscriber.places)
        for _, make in PLACED.values():
            await scene.send(make(scene))
        before = await scene.made.bus.bounds(topics)
        await scene.gt.read()

        assert len(await scene.quarantine()) == len(PLACED) - 1  # the id is new here
        assert await scene.made.bus.bounds(topics) == before
