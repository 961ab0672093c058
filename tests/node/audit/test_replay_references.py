"""The replay finds what records name and the log or the documents do not have, and says it in groups."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import pytest
from msgspec import structs

from broker.log import Log
from broker.streams import topic_of
from broker.topology import topics_of
from node.audit.finding_groups import ALONE_MAX, KEPT_MAX, FindingGroups
from node.audit.findings import Finding, ReplayAnswer, about
from node.audit.members import EVERY
from node.audit.replay import Selection, replay
from node.sealing.private_keys import PrivateKey
from node.sending.seal_receipts import QUIET_MS
from node.stages import StreamId
from node.trust.governance import Governance, load_governance
from schemas.types import DocumentKind, KeyReason, KeyUse
from tests.support.community import STREAMS, Community, document, keys_of, listed, node_body, signed, signed_by
from tests.support.exchange import TOPOLOGY, exchange
from tests.support.logs import read_all
from tests.support.memory_log import MemoryLog, Positioned, without_holes
from tests.support.readers import granted, world
from tests.support.records import INTEL, NOW, AudienceKey, Author, grant_body

Values = Mapping[str, list[bytes]]
REPORTS, GRANTS, RECEIPTS = "intel.caribbean.bz", "keys.bz", "receipts.gt"
NODES = ("BZ", "GT")


class Scene:
    """What two nodes wrote: BZ three batches of one, two and three reports, and GT receipts about all of them."""

    def __init__(self, values: Values, community: Community) -> None:
        self.values = values
        self.community = community

    def without(self, topic: str, *positions: int) -> Values:
        """The values without these positions of a topic; without the topic if none is given."""
        if not positions:
            return {name: values for name, values in self.values.items() if name != topic}
        kept = [value for position, value in enumerate(self.values[topic]) if position not in positions]
        return {**self.values, topic: kept}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return asyncio.run(_scene(tmp_path_factory.mktemp("scene")))


async def _scene(folder: Path) -> Scene:
    community = Community(NODES)
    community.agreement("BZ-GT", NODES)
    async with exchange(folder, *NODES, community=community) as made:
        bz, gt = made.nodes["BZ"], made.nodes["GT"]
        for size in (1, 2, 3):
            texts = [f"A boat, number {size}{index}." for index in range(size)]
            await bz.accept([bz.draft(narrative={"text": text, "language": "en"}) for text in texts])
            await bz.relay.step()
        for node in (bz, gt):
            await node.read()
        made.clock.now += QUIET_MS
        await gt.receipt_sealer.step()
        await gt.relay.step()
        names = {topic_of(stream, code) for code in NODES for stream in STREAMS} | set(topics_of(TOPOLOGY))
        bounds = await made.bus.bounds(names)
        values = {
            name: [value for entry in await read_all(made.bus, name, bounds[name].end) if (value := entry.value)]
            if name in bounds
            else []
            for name in sorted(names)
        }
    assert (len(values[REPORTS]), len(values[GRANTS]), len(values[RECEIPTS])) == (6, 1, 2)
    return Scene(values, community)


async def replayed(values: Values, governance: Governance, **options: Any) -> ReplayAnswer:
    records: dict[str, Positioned] = {name: without_holes(here) for name, here in values.items()}
    with TemporaryDirectory() as scratch:
        log = cast(Log, MemoryLog(records=records))
        return await replay(log, governance, options.pop("asked", Selection()), scratch=Path(scratch), **options)


def found(answer: ReplayAnswer) -> set[tuple[str, str, str, int | None]]:
    return {(one.code, one.originator, one.stream, one.sequence) for one in answer.findings}


async def test_an_honest_log_has_no_finding_and_a_digest_of_each_stream(scene: Scene) -> None:
    first, second = [await replayed(scene.values, scene.community.governance) for _ in range(2)]

    assert first.findings == []
    assert first == second
    assert len({stream.sha256 for stream in first.streams}) == len(first.streams) == 3
    assert first.silent == ()


async def test_a_deleted_grant_is_found_by_the_messages_that_name_it(scene: Scene) -> None:
    """All six name it: they are one item, with the first and the last place."""
    answer = await replayed(scene.without(GRANTS, 0), scene.community.governance)
    [group] = [group for group in answer.groups if group.code == "grant_missing"]

    assert (group.originator, group.stream, group.count) == ("BZ", INTEL, 6)
    assert (group.sequence, group.position, group.last_sequence, group.last_position) == (1, 0, 6, 5)
    assert group.expected == "the grant at sequence 1 of keys.bz"


async def test_a_deleted_end_of_a_batch_is_found_by_the_records_before_it(scene: Scene) -> None:
    answer = await replayed(scene.without(REPORTS, 4, 5), scene.community.governance)

    assert found(answer) == {("leaf_missing", "BZ", INTEL, 5)}
    assert [(one.expected, one.found) for one in answer.findings] == [("sequence 6, the last one of its batch", "4")]


@pytest.mark.parametrize("gone", [(3, 4, 5), (1, 2, 3, 4, 5), (0, 1, 2, 3, 4, 5)])
async def test_a_deleted_stream_is_found_by_the_receipts_about_it(gone: tuple[int, ...], scene: Scene) -> None:
    """Each batch that GT received and that the log does not have."""
    answer = await replayed(scene.without(REPORTS, *gone), scene.community.governance)

    assert found(answer) == {("leaf_missing", "BZ", INTEL, None)}
    assert len(answer.findings) == {3: 1, 5: 2, 6: 3}[len(gone)]
    assert {str(one.found)[:26] for one in answer.findings} == {"only a receipt of GT, at p"}


@pytest.mark.parametrize(("topic", "stream", "originator"), [(REPORTS, INTEL, "BZ"), (RECEIPTS, "receipts", "GT")])
async def test_a_deleted_topic_is_found_by_the_document_that_lists_it(
    topic: str, stream: str, originator: str, scene: Scene
) -> None:
    answer = await replayed(scene.without(topic), scene.community.governance)

    assert ("topic_missing", originator, stream, None) in found(answer)


async def test_an_agreement_that_grants_name_and_nobody_has_is_found(scene: Scene) -> None:
    community = Community(NODES)
    governance = load_governance(community.documents, scene.community.community)
    answer = await replayed(scene.values, governance)

    assert found(answer) == {("agreement_missing", "BZ", "keys", 1)}
    [group] = answer.groups
    assert group.expected is not None
    assert group.expected.startswith("the AGREEMENT with the hash ")


async def test_a_recalled_message_that_is_not_there_is_found() -> None:
    bz = world().author()
    key, body = granted(bz)
    grant = bz.grant(body)
    message = bz.message(key)
    values = {"keys.bz": [grant], REPORTS: [message, bz.recall(key, bytes(16))]}
    answer = await replayed(values, world().community.governance)

    assert [(one.sequence, one.found) for one in answer.findings if one.code == "leaf_missing"] == [(2, "nothing")]


async def test_a_part_of_the_log_is_not_compared_with_the_rest(scene: Scene) -> None:
    for asked in (Selection(stream=INTEL), Selection(start=1), Selection(until=1)):
        answer = await replayed(scene.without(GRANTS, 0), scene.community.governance, asked=asked)

        assert answer.findings == []


async def test_what_retention_removed_is_not_missed(scene: Scene) -> None:
    """A topic that begins above 0 has lost its beginning by retention, which is one finding."""
    records = {name: dict(without_holes(values)) for name, values in scene.values.items()}
    records[REPORTS] = {position: value for position, value in records[REPORTS].items() if position > 2}
    records[GRANTS] = {}
    log = MemoryLog(records=records, beginnings={GRANTS: 1})
    with TemporaryDirectory() as scratch:
        answer = await replay(cast(Log, log), scene.community.governance, Selection(), scratch=Path(scratch))

    assert found(answer) == {("head_truncated", "BZ", INTEL, 1)}


async def test_a_log_without_a_record_of_a_member_is_a_finding(scene: Scene) -> None:
    """Also if others wrote to it. A single member without a record is named, and may have had nothing to say."""
    empty = {name: list[bytes]() for name in scene.values}
    governance = scene.community.governance
    nothing = await replayed(empty, governance)
    garbage = await replayed({**empty, REPORTS: [b"x"]}, governance)
    one = await replayed({**empty, GRANTS: scene.values[GRANTS], REPORTS: scene.values[REPORTS]}, governance)

    assert found(nothing) == {("log_empty", EVERY, EVERY, None)}
    assert ("log_empty", EVERY, EVERY, None) in found(garbage)
    assert nothing.silent == NODES
    assert (one.silent, one.findings) == (("GT",), [])


async def test_records_that_a_file_numbered_and_does_not_have_are_found(scene: Scene) -> None:
    """A gap explains as many as it has sequences."""
    governance = scene.community.governance
    whole = await replayed(scene.values, governance, deleted_rows=lambda: 2)
    explained = await replayed(scene.without(REPORTS, 1), governance, deleted_rows=lambda: 1)

    assert found(whole) == {("records_deleted", EVERY, EVERY, None)}
    assert {code for code, *_ in found(explained)} == {"chain_gap"}


# A key that ended before its successor came.


def rotated(reason: KeyReason = KeyReason.NONE) -> tuple[Governance, PrivateKey, PrivateKey]:
    """The documents after a rotation: the old SEAL key of BZ ended at NOW, and the new one begins then."""
    community = Community(NODES)
    more = keys_of("BZ").with_new(KeyUse.SEAL)
    old, new = [key for key in listed(more) if key.use is KeyUse.SEAL]
    others = [key for key in listed(more) if key.use is not KeyUse.SEAL]
    body = node_body([*others, structs.replace(old, until=NOW, reason=reason), structs.replace(new, from_=NOW)])
    governance = community.governance
    version = document(DocumentKind.NODE, "BZ", body, governance, version=2, from_=NOW)
    community.documents.append(signed(signed_by(version, more, governance), governance, "TR1", "TR2"))
    return community.governance, keys_of("BZ").newest(KeyUse.SEAL), more.newest(KeyUse.SEAL)


def author(governance: Governance) -> Author:
    return Author(code="BZ", community=governance.community)


def history(governance: Governance, *keys: PrivateKey) -> Values:
    """A grant by the old key before the rotation, then a message for each key, sealed after the rotation."""
    bz = author(governance)
    bz.now = NOW - 1000
    key = AudienceKey.new(bz)
    grant = bz.grant(grant_body(bz, key, governance, {"BZ": ()}), key=keys_of("BZ").newest(KeyUse.SEAL))
    bz.now = NOW + 1000
    messages = [bz.batch([bz.sealed_leaf(key)], key=signer)[0] for signer in keys]
    return {**{topic_of(stream, code): [] for code in NODES for stream in STREAMS}, GRANTS: [grant], REPORTS: messages}


async def test_records_of_a_key_that_ended_are_confirmed_by_its_successor() -> None:
    """BZ sealed two messages with the old key before the new document came; the nodes have stored them."""
    governance, old, new = rotated()
    answer = await replayed(history(governance, old, old, new), governance)

    assert answer.findings == []
    assert (answer.records, answer.verified) == (4, 4)
    assert [(stream.stream, stream.first, stream.last) for stream in answer.streams] == [(INTEL, 1, 3), ("keys", 1, 1)]


async def test_records_of_a_key_that_ended_and_that_nothing_continues_are_a_finding() -> None:
    governance, old, new = rotated()
    answer = await replayed(history(governance, new, old, old), governance)

    assert found(answer) == {("key_not_valid", "BZ", INTEL, 2), ("key_not_valid", "BZ", INTEL, 3)}


async def test_a_key_that_was_compromised_is_never_confirmed() -> None:
    governance, old, new = rotated(KeyReason.COMPROMISED)
    answer = await replayed(history(governance, old, new), governance)

    assert ("key_not_valid", "BZ", INTEL, 1) in found(answer)


# Groups.


def findings(count: int) -> list[Finding]:
    place = StreamId(stream=INTEL, originator="BZ")
    return [about(place, "out_of_order", position=at, sequence=at + 1, expected="", found="") for at in range(count)]


@pytest.mark.parametrize("count", [0, 1, ALONE_MAX, ALONE_MAX + 1, KEPT_MAX * 3])
def test_few_findings_stand_alone_and_many_are_one_item(count: int) -> None:
    groups = FindingGroups()
    groups.add(reversed(findings(count)) if count <= ALONE_MAX else findings(count))

    assert sum(group.count for group in groups.groups) == count
    assert len(groups.groups) == (count if count <= ALONE_MAX else 1)
    assert len(groups.kept) == min(count, KEPT_MAX)
    if count > ALONE_MAX:
        [group] = groups.groups
        assert (group.position, group.last_position) == (0, count - 1)
