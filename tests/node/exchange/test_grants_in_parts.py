"""A grant in parts opens what it is named for, in whatever order its parts arrive, and admits nobody else."""

from itertools import permutations, product
from pathlib import Path

import pytest
from msgspec import structs

from node.limits import RECORD_SIZE_BYTES_MAX
from node.sealing.seal import open_type_leaf
from node.sharing import grant_parts
from node.stages import Leaf
from node.store import message_search
from node.store.message_search import Query
from node.system_random import random_bytes
from schemas.avro import codec
from schemas.types import ClauseReference, GrantEntry, KeyGrant, MessageType
from tests.support.bed import GRANTS, REPORTS, Bed, bed
from tests.support.exchange import exchange
from tests.support.records import AudienceKey

SLOW = pytest.mark.slow
MARGIN_BYTES = 4096  # header, batch, signature and path of a record


def leaf(body: KeyGrant) -> Leaf:
    return open_type_leaf(MessageType.KEY_GRANT, codec.encode(body), message_id=random_bytes(16))


def parts_of(scene: Bed, *order: str) -> list[bytes]:
    """The records of the grant, one part for each of these recipients, in one batch."""
    entries = {entry.recipient: entry for entry in scene.grant.entries}
    return scene.bz.batch(
        [leaf(structs.replace(scene.grant, entries=(entries[code],))) for code in order], stream="keys"
    )


def naming(scene: Bed, sequence: int) -> bytes:
    """A report that names this part."""
    return scene.bz.message(AudienceKey(key=scene.key.key, key_id=scene.key.key_id, grant=sequence))


ORDERS = [("GT", "MX", "BZ"), ("BZ", "GT", "MX"), ("BZ", "MX", "GT")]
ARRIVALS = list(permutations(range(4)))


@pytest.mark.parametrize(
    ("order", "arrival"),
    [
        pytest.param(order, arrival, marks=() if number % 9 == 5 or (arrival[0] == 2 and order[0] == "GT") else SLOW)
        for number, (order, arrival) in enumerate(product(ORDERS, ARRIVALS))
    ],
)
async def test_a_report_is_stored_in_any_order_of_parts_and_report(
    order: tuple[str, ...], arrival: tuple[int, ...], tmp_path: Path
) -> None:
    """Each is read alone: a part that is missing may be the one for this node."""
    async with bed(tmp_path, grant=False) as scene:
        records = [(value, GRANTS) for value in parts_of(scene, *order)] + [(naming(scene, 3), REPORTS)]
        for index in arrival:
            value, topic = records[index]
            await scene.send(value, topic=topic)
            await scene.gt.read()

        assert await scene.held() == [1]
        assert (await scene.counts()).get("waiting", 0) == 0


async def test_a_report_and_its_parts_that_arrive_together_are_stored_at_once(tmp_path: Path) -> None:
    async with bed(tmp_path, grant=False) as scene:
        await scene.send(*parts_of(scene, "BZ", "MX", "GT"), topic=GRANTS)
        await scene.read(naming(scene, 3))

        assert await scene.held() == [1]


async def test_a_report_that_names_an_earlier_part_is_for_the_parts_up_to_that_one(tmp_path: Path) -> None:
    """GT is in the last part, so the report is not for GT."""
    async with bed(tmp_path, grant=False) as scene:
        await scene.send(*parts_of(scene, "BZ", "MX", "GT"), topic=GRANTS)
        await scene.gt.read()
        await scene.read(naming(scene, 2))

        assert await scene.held() == []
        assert (await scene.counts())["not_addressed"] == 1


async def test_a_node_without_an_entry_waits_until_every_part_is_here(tmp_path: Path) -> None:
    """Then the report is for others, and nothing is kept of it."""
    async with bed(tmp_path, grant=False) as scene:
        first, second = parts_of(scene, "BZ", "MX")
        await scene.send(first, topic=GRANTS)
        await scene.gt.read()
        await scene.read(naming(scene, 2))
        waiting = await scene.counts()
        await scene.send(second, topic=GRANTS)
        await scene.gt.read()

        assert waiting["waiting"] == 1
        assert (await scene.counts())["not_addressed"] == 1


async def test_a_grant_of_the_key_in_another_batch_is_not_a_part(tmp_path: Path) -> None:
    """It follows directly, but its originator decided about it later."""
    async with bed(tmp_path, grant=False) as scene:
        await scene.send(*parts_of(scene, "BZ", "MX"), *parts_of(scene, "GT"), topic=GRANTS)
        await scene.gt.read()
        await scene.read(naming(scene, 3))
        [refused] = await scene.quarantine()

        assert refused.record.code == "grant_unlawful"
        assert await scene.held() == []


async def test_parts_with_another_end_of_use_are_not_joined(tmp_path: Path) -> None:
    async with bed(tmp_path, grant=False) as scene:
        longer = structs.replace(scene.grant, use_until=scene.grant.use_until - 1)
        entries = {entry.recipient: entry for entry in scene.grant.entries}
        bodies = [
            structs.replace(scene.grant, entries=(entries["BZ"],)),
            structs.replace(longer, entries=(entries["GT"],)),
        ]
        await scene.send(*scene.bz.batch([leaf(body) for body in bodies], stream="keys"), topic=GRANTS)
        await scene.gt.read()
        await scene.read(naming(scene, 2))
        [refused] = await scene.quarantine()

        assert refused.record.code == "grant_unlawful"


async def test_an_audience_that_needs_several_records_gets_its_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second report uses the same key. Each recipient acknowledges both."""
    monkeypatch.setattr(grant_parts, "ENTRIES_IN_PART_MAX", 1)
    async with exchange(tmp_path, "BZ", "GT", "MX", "ES") as made:
        bz = made.nodes["BZ"]
        await bz.publish()
        await bz.publish(narrative={"text": "A second report.", "language": "en"})
        for node in made.nodes.values():
            await node.read()
        held = [await node.store.read(lambda db: message_search.search(db, Query())) for node in made.nodes.values()]
        bounds = (await made.bus.bounds(["keys.bz"]))["keys.bz"]

        assert [len(messages) for messages in held] == [2, 2, 2, 2]
        assert bounds.end - bounds.beginning == 4


def test_parts_fit_into_records_and_keep_each_entry_once() -> None:
    """By number, and by size: an entry may name eight clauses."""
    clauses = codec.sorted_set(ClauseReference(agreement=bytes([n]) * 32, clause="c" * 32) for n in range(8))
    for number, named in ((1, ()), (150, ()), (151, ()), (400, clauses)):
        entries = tuple(
            GrantEntry(recipient="N234567890123456", key_id=n.to_bytes(32, "big"), clauses=named, wrap=bytes(1168))
            for n in range(number)
        )
        parts = grant_parts.divided(entries)
        sizes = [
            len(codec.encode(KeyGrant(audience_key_id=bytes(32), use_until=1, entries=codec.sorted_set(part))))
            for part in parts
        ]

        assert [entry for part in parts for entry in part] == list(entries)
        assert max(sizes) <= RECORD_SIZE_BYTES_MAX - MARGIN_BYTES
        assert len(parts) == -(-number // (150 if not named else 141))
