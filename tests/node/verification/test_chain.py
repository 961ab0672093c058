"""Steps 8 to 10: one place for each record, equivocation, and gaps that only a batch that fits both ends closes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from node.errors import Rejected
from node.limits import DAY_MS
from node.stages import Leaf, StreamHead, Verified
from node.trust.governance import Governance
from node.verification.chain import Link, Placed, StreamView
from node.verification.gaps import Gap, open_gaps
from node.verification.signature_memory import SignatureMemory
from node.verification.verify import verify
from schemas.avro import codec
from schemas.types import Header, MessageType, Sealing
from tests.support.community import Community
from tests.support.records import (
    INTEL,
    NOW,
    Author,
    place,
)

HEADER = Header(
    message_id=bytes(16),
    type=MessageType.MESSAGE,
    refers_to=(),
    expires_at=DAY_MS,
    sealing=Sealing(audience_key_id=bytes(32), grant=1, labels_hash=bytes(32)),
)
MEMORY = SignatureMemory()


@cache
def governance() -> Governance:
    return Community(("BZ",)).governance


def author() -> Author:
    return Author(code="BZ", community=governance().community)


def leaf(message_id: int) -> Leaf:
    """A leaf that passes the first seven steps; these tests do not open it."""
    header = structs.replace(HEADER, message_id=message_id.to_bytes(16, "big"))
    return Leaf(header=codec.encode(header), content=bytes(60 + 1024))


def checked(values: Iterable[bytes]) -> list[Verified]:
    """The records that passed the first seven steps."""
    found = [verify(value, place=place(), governance=governance(), memory=MEMORY) for value in values]
    return [record for record in found if isinstance(record, Verified)]


def batch(by: Author, size: int = 1, *, ids: int | None = None, **fields: Any) -> list[Verified]:
    """The next batch of `by`; its messages have ids of their own unless `ids` says where they begin."""
    first = by.heads.get(INTEL, StreamHead()).next_sequence if ids is None else ids
    return checked(by.batch([leaf(first + n) for n in range(size)], **fields))


def gaps(view: StreamView) -> list[tuple[int, int]]:
    """The open gaps of everything in the view."""
    return [(gap.first, gap.last) for gap in open_gaps_of(view)]


def open_gaps_of(view: StreamView) -> list[Gap]:
    links = sorted(view.links.values(), key=lambda link: link.first)
    ends = [1, *(link.end for link in links)]
    return open_gaps([(link, end) for link, end in zip(links, ends, strict=False) if not link.is_whole], view.highest)


def placed(*records: Verified) -> StreamView:
    view = StreamView.of()
    for record in records:
        view.place(record)
    return view


def refusal(view: StreamView, record: Verified) -> str:
    with pytest.raises(Rejected) as caught:
        view.place(record)
    return caught.value.code


# A place for each.


def test_the_same_batch_and_leaf_is_a_duplicate() -> None:
    [record] = batch(author())
    view = placed(record)

    assert view.place(record) == Placed(duplicate=True)


def test_the_same_batch_under_another_signature_is_a_duplicate() -> None:
    """The holder of the key can sign a batch twice; it stays one batch."""
    [record] = batch(author())
    again = replace(record, sealed=structs.replace(record.sealed, signature=bytes(64)))

    assert placed(record).place(again).duplicate


def test_a_history_in_order_has_no_finding() -> None:
    bz = author()
    records = [*batch(bz, 2), *batch(bz), *batch(bz, 3)]
    view = StreamView.of()

    assert [view.place(record) for record in records] == [Placed()] * 6
    assert gaps(view) == []
    assert view.highest == 6


def test_a_placed_record_marks_its_batch_for_the_store_and_the_batch_behind_it_that_it_links() -> None:
    """The store writes only marked links."""
    by = author()
    [first], [second] = batch(by), batch(by)
    view = placed(second)
    view.changed.clear()
    view.place(first)

    assert view.changed == {
        first.batch_hash: view.links[first.batch_hash],
        second.batch_hash: view.links[second.batch_hash],
    }
    [early, late] = batch(by, 2)
    view.place(early)
    view.changed.clear()
    view.place(late)
    assert list(view.changed) == [late.batch_hash]


def test_an_id_that_the_store_knows_is_reused() -> None:
    """Step 10, with the id from an earlier read."""
    [record] = batch(author())
    reused = StreamView.of(used_ids={record.header.message_id: 7}).place(record).reused_id

    assert reused is not None
    assert reused.code == "message_id_reused"


# Step 8.


OVERLAPS = {
    "the same range": (3, 2),
    "one sequence of it": (4, 1),
    "its beginning": (2, 2),
    "its end": (4, 3),
    "more than all of it": (2, 5),
}


@pytest.mark.parametrize(("first", "size"), OVERLAPS.values(), ids=OVERLAPS)
def test_another_batch_that_overlaps_is_equivocation(first: int, size: int) -> None:
    bz = author()
    view = placed(*batch(bz, 2), *batch(bz, 2))
    [forked, *_] = batch(bz, size, ids=90, first_sequence=first, previous=bytes([9] * 32))

    assert refusal(view, forked) == "equivocation"


def test_another_batch_with_the_same_previous_is_equivocation() -> None:
    """Also if it overlaps no batch, because the predecessor is not here."""
    bz = author()
    view = placed(*batch(bz, first_sequence=5, previous=bytes([9] * 32)))
    [forked] = batch(bz, ids=90, first_sequence=9, previous=bytes([9] * 32))

    assert refusal(view, forked) == "equivocation"


def test_two_first_batches_are_equivocation() -> None:
    bz = author()
    view = placed(*batch(bz.fork()))

    assert refusal(view, batch(bz, sealed_at=NOW + 1)[0]) == "equivocation"


def test_the_batch_that_was_first_continues_after_equivocation() -> None:
    bz = author()
    start = batch(bz, 2)
    fork = bz.fork()
    first, second = batch(bz, 2)
    view = placed(*start, first)

    assert refusal(view, batch(fork, 3, ids=90)[0]) == "equivocation"
    assert view.place(second) == Placed()
    assert view.place(batch(bz)[0]) == Placed()
    assert gaps(view) == []


def test_a_batch_that_follows_a_refused_branch_stands_behind_a_gap() -> None:
    bz = author()
    view = placed(*batch(bz))
    fork = bz.fork()
    view.place(batch(bz)[0])
    refused = batch(fork, 2, ids=90)
    after = batch(fork, ids=92)

    assert refusal(view, refused[0]) == "equivocation"
    assert view.place(after[0]).gaps_changed
    assert gaps(view) == [(3, 3)]


# Step 9.


CHAIN_CASES: dict[str, Callable[[StreamHead], dict[str, int]]] = {
    "a sequence above the next": lambda head: {"first_sequence": head.next_sequence + 1},
    "sealed before its predecessor": lambda head: {"sealed_at": head.sealed_at - 1},
}


@pytest.mark.parametrize("change", CHAIN_CASES.values(), ids=CHAIN_CASES)
def test_a_batch_that_names_its_predecessor_and_does_not_continue_it_is_chain_invalid(
    change: Callable[[StreamHead], dict[str, int]],
) -> None:
    bz = author()
    view = placed(*batch(bz, 2))
    true = bz.fork()
    bad = batch(bz, ids=90, **change(bz.heads[INTEL]))[0]

    assert refusal(view, bad) == "chain_invalid"
    assert view.place(batch(true)[0]) == Placed()
    assert gaps(view) == []


def test_a_batch_that_names_a_predecessor_after_it_is_chain_invalid() -> None:
    bz = author()
    view = placed(*batch(bz, first_sequence=7, previous=bytes([9] * 32)))
    bad = batch(bz, ids=90, first_sequence=2)[0]

    assert refusal(view, bad) == "chain_invalid"


def test_sealed_at_may_stay_the_same() -> None:
    bz = author()
    view = placed(*batch(bz), *batch(bz))

    assert gaps(view) == []


def test_what_is_refused_takes_no_place() -> None:
    bz = author()
    view = placed(*batch(bz))
    before = (dict(view.links), view.highest, dict(view.used_ids))
    refusal(view, batch(bz.fork(), ids=90, sealed_at=NOW - 1)[0])

    assert (view.links, view.highest, view.used_ids) == before


# Gaps.


def test_a_batch_that_did_not_arrive_leaves_a_gap_and_closes_it_when_it_comes() -> None:
    bz = author()
    first, late, last = batch(bz, 2), batch(bz, 3), batch(bz, 2)
    view = placed(*first, *last)
    open_before = gaps(view)
    found = [view.place(record) for record in late]

    assert open_before == [(3, 5)]
    assert all(item.out_of_order and item.gaps_changed for item in found)
    assert gaps(view) == []


def test_a_leaf_that_did_not_arrive_leaves_a_gap_inside_its_batch() -> None:
    bz = author()
    a, b, c, d = batch(bz, 4)
    view = placed(a, d)
    inside = gaps(view)
    view.place(b)
    after_b = gaps(view)
    view.place(c)

    assert inside == [(2, 3)]
    assert after_b == [(3, 3)]
    assert gaps(view) == []


def test_leaves_missing_at_the_end_of_a_batch_are_a_gap_once_the_next_is_here() -> None:
    bz = author()
    a, *_ = batch(bz, 3)
    view = placed(a)
    before = gaps(view)
    view.place(batch(bz)[0])

    assert before == []
    assert gaps(view) == [(2, 3)]


def test_neighbouring_gaps_are_one() -> None:
    """The end of one batch, a whole batch and the beginning of a third are missing: one gap, 2 to 6."""
    bz = author()
    a, _ = batch(bz, 2)
    batch(bz, 2)
    *_, f = batch(bz, 3)
    view = placed(a, f)

    assert gaps(view) == [(2, 6)]


@pytest.mark.parametrize(("first", "code"), [(1, "head_truncated"), (2, "chain_gap")])
def test_a_stream_whose_first_record_is_not_the_first_has_lost_its_head(first: int, code: str) -> None:
    bz = author()
    records = [batch(bz)[0] for _ in range(4)]
    view = placed(*records[: first - 1], records[3])

    assert [gap.code for gap in open_gaps_of(view)] == [code]


def test_two_neighbours_that_do_not_fit_each_other_have_a_gap_between_them() -> None:
    """No sequence is missing, but the first batch is not the predecessor that the second batch names."""
    bz = author()
    view = placed(*batch(bz))
    found = view.place(batch(bz, previous=bytes([9] * 32))[0])

    assert found.gaps_changed
    assert gaps(view) == [(2, 1)]


def test_a_leaf_that_jumps_inside_a_batch_changes_the_gaps() -> None:
    a, _, c = batch(author(), 3)

    assert placed(a).place(c).gaps_changed


def test_gaps_with_something_between_them_are_two() -> None:
    a, _, c, _, e = batch(author(), 5)

    assert gaps(placed(a, c, e)) == [(2, 2), (4, 4)]


def test_a_misfit_and_a_missing_leaf_behind_it_are_two_gaps() -> None:
    """A misfit has no missing sequence, so it is not joined with the next gap. Different records close the two."""
    bz = author()
    view = placed(*batch(bz), batch(bz, 2, previous=bytes([9] * 32))[1])

    assert gaps(view) == [(2, 1), (2, 2)]


def late_case(**fields: Any) -> tuple[StreamView, Verified]:
    """A batch with the sequences 2 and 3 that arrives after 1 and 4, with these fields."""
    bz = author()
    first = batch(bz)
    fork = bz.fork()
    batch(bz, 2)
    view = placed(*first, *batch(bz))
    return view, batch(fork, 2, **fields)[0]


def test_a_late_batch_that_fits_its_predecessor_only_leaves_the_gap_open() -> None:
    """It is verified and kept, but the next batch names another predecessor."""
    view, late = late_case(sealed_at=NOW + 1)
    found = view.place(late)

    assert found.out_of_order
    assert gaps(view) == [(3, 3), (4, 3)]


def test_a_late_batch_that_fits_its_successor_only_leaves_the_gap_open() -> None:
    bz = author()
    first = batch(bz)
    late = batch(bz, 2, previous=bytes([9] * 32))
    view = placed(*first, *batch(bz), *late)

    assert gaps(view) == [(2, 1)]


@pytest.mark.parametrize(
    ("fields", "gap"),
    [({"sealed_at": NOW - 1}, (4, 3)), ({"first_sequence": 5}, (4, 4))],
    ids=["its successor was sealed before it", "its successor has another sequence"],
)
def test_a_successor_that_does_not_continue_the_late_batch_stays_behind_its_gap(
    fields: dict[str, int], gap: tuple[int, int]
) -> None:
    bz = author()
    first = batch(bz, sealed_at=NOW - 1)
    late = batch(bz, 2, sealed_at=NOW)
    view = placed(*first, *batch(bz, **fields), *late)

    assert gaps(view) == [gap]


def test_a_gap_is_not_closed_by_a_batch_of_its_size_that_fits_neither_end() -> None:
    view, stranger = late_case(previous=bytes([9] * 32))
    view.place(stranger)

    assert (2, 1) in gaps(view)
    assert (4, 3) in gaps(view)


# Step 10.


def test_a_leaf_with_a_used_id_is_refused_and_keeps_its_place() -> None:
    bz = author()
    view = placed(*batch(bz, ids=7))
    [again] = batch(bz, ids=7)
    found = view.place(again)

    assert found.reused_id is not None
    assert found.reused_id.code == "message_id_reused"
    assert view.place(again).duplicate
    assert view.place(batch(bz, ids=8)[0]) == Placed()
    assert gaps(view) == []


def test_two_leaves_of_one_batch_have_two_ids() -> None:
    first, second = checked(author().batch([leaf(7), leaf(7)]))
    view = placed(first)

    assert view.place(second).reused_id is not None


def test_a_batch_refused_in_step_8_or_9_uses_up_no_id() -> None:
    bz = author()
    view = placed(*batch(bz))
    refusal(view, batch(bz.fork(), ids=50, sealed_at=NOW - 1)[0])
    refusal(view, batch(author(), ids=51, sealed_at=NOW + 5)[0])

    assert view.place(batch(bz, ids=50)[0]).reused_id is None
    assert view.place(batch(bz, ids=51)[0]).reused_id is None


# Any history.


@cache
def history(sizes: tuple[int, ...]) -> tuple[Verified, ...]:
    bz = author()
    return tuple(record for size in sizes for record in batch(bz, size))


SIZES = st.lists(st.sampled_from((1, 2, 3, 5)), min_size=1, max_size=5).map(tuple)


def reloaded(view: StreamView) -> StreamView:
    """The view as a store loads it."""
    links = [
        Link(
            first=link.first,
            size=link.size,
            hash=link.hash,
            previous=link.previous,
            sealed_at=link.sealed_at,
            arrived=link.arrived,
            linked=link.linked,
        )
        for link in view.links.values()
    ]
    return StreamView.of(links, used_ids=view.used_ids, highest=view.highest)


def read(records: Sequence[Verified], restarts: Iterable[int]) -> StreamView:
    """Each record placed, the view reloaded before those at `restarts`; the gaps noted at each change stay right."""
    view, seen, again = StreamView.of(), list[tuple[int, int]](), set(restarts)
    for index, record in enumerate(records):
        if index in again:
            view = reloaded(view)
        found = view.place(record)
        assert found.reused_id is None
        if found.gaps_changed:
            seen = gaps(view)
        assert seen == gaps(view)
    return view


@given(sizes=SIZES, data=st.data())
def test_an_honest_history_in_any_order_ends_without_gap_or_refusal(
    sizes: tuple[int, ...], data: st.DataObject
) -> None:
    """A reader that computes the gaps only when `gaps_changed` is set misses none on the way."""
    records = history(sizes)
    order = data.draw(st.permutations(records))
    view = read(order, data.draw(st.sets(st.integers(0, len(records)))))

    assert gaps(view) == []
    assert view.highest == len(records)
    assert all(view.place(record).duplicate for record in records)


@given(sizes=SIZES, data=st.data())
def test_what_does_not_arrive_is_the_gap_and_nothing_else(sizes: tuple[int, ...], data: st.DataObject) -> None:
    """Except the missing tail, which a chain cannot show."""
    records = history(sizes)
    lost = data.draw(st.sets(st.integers(1, len(records)), max_size=len(records) - 1))
    order = data.draw(st.permutations([record for record in records if record.sequence not in lost]))
    view = read(order, data.draw(st.sets(st.integers(0, len(records)))))
    found = [sequence for first, last in gaps(view) for sequence in range(first, last + 1)]

    assert found == [sequence for sequence in sorted(lost) if sequence < view.highest]
    assert all(first <= last for first, last in gaps(view))
