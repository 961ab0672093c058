"""What is taken out of node/verification/chain.py in turn: name, text, what stands there instead, the test that
turns red.
"""

from typing import Final

from tests.mutations.row import Rows

CHAIN: Final = "tests/node/verification/test_chain.py"
STREAM_WHOSE: Final = f"{CHAIN}::test_a_stream_whose_first_record_is_not_the_first_has_lost_its_head"
LEAF_DID: Final = f"{CHAIN}::test_a_leaf_that_did_not_arrive_leaves_a_gap_inside_its_batch"
TWO_FIRST: Final = f"{CHAIN}::test_two_first_batches_are_equivocation"
TWO_LEAVES: Final = f"{CHAIN}::test_two_leaves_of_one_batch_have_two_ids"
BATCH_DID: Final = f"{CHAIN}::test_a_batch_that_did_not_arrive_leaves_a_gap_and_closes_it_when_it_comes"
LEAF_JUMPS: Final = f"{CHAIN}::test_a_leaf_that_jumps_inside_a_batch_changes_the_gaps"
TWO_NEIGHBOURS: Final = f"{CHAIN}::test_two_neighbours_that_do_not_fit_each_other_have_a_gap_between_them"
BATCH_NAMES: Final = f"{CHAIN}::test_a_batch_that_names_a_predecessor_after_it_is_chain_invalid"
BATCH_NAMES_PREDECESSOR: Final = (
    f"{CHAIN}::test_a_batch_that_names_its_predecessor_and_does_not_continue_it_is_chain_invalid"
)
ANOTHER_BATCH: Final = f"{CHAIN}::test_another_batch_with_the_same_previous_is_equivocation"
SEALED_MAY: Final = f"{CHAIN}::test_sealed_at_may_stay_the_same"
WHAT_REFUSED: Final = f"{CHAIN}::test_what_is_refused_takes_no_place"
GAP_NOT: Final = f"{CHAIN}::test_a_gap_is_not_closed_by_a_batch_of_its_size_that_fits_neither_end"
SUCCESSOR_DOES: Final = f"{CHAIN}::test_a_successor_that_does_not_continue_the_late_batch_stays_behind_its_gap"
LEAVES_MISSING: Final = f"{CHAIN}::test_leaves_missing_at_the_end_of_a_batch_are_a_gap_once_the_next_is_here"
MISFIT_MISSING: Final = f"{CHAIN}::test_a_misfit_and_a_missing_leaf_behind_it_are_two_gaps"
TWO_GAPS: Final = f"{CHAIN}::test_gaps_with_something_between_them_are_two"

ROWS: Final[Rows] = {
    "is_whole: self.linked": (
        "return self.linked and self.arrived == (1 << self.size) - 1",
        "return True and self.arrived == (1 << self.size) - 1",
        f"{STREAM_WHOSE}[1-head_truncated]",
    ),
    "is_whole: self.arrived == (1 << self.size) - 1": (
        "return self.linked and self.arrived == (1 << self.size) - 1",
        "return self.linked and True",
        LEAF_DID,
    ),
    "place: link is not None": (
        "if link is not None and link.arrived & bit:",
        "if True and link.arrived & bit:",
        TWO_FIRST,
    ),
    "place: link.arrived & bit": (
        "if link is not None and link.arrived & bit:",
        "if link is not None and True:",
        TWO_LEAVES,
    ),
    "place: link is None": (
        "if link is None:",
        "if False:",
        TWO_FIRST,
    ),
    "place: sequence < self.highest": (
        "late = sequence < self.highest",
        "late = False",
        BATCH_DID,
    ),
    "place: sequence > self.highest + 1": (
        "jumped = sequence > self.highest + 1 or not link.linked",
        "jumped = False or not link.linked",
        LEAF_JUMPS,
    ),
    "place: not link.linked": (
        "jumped = sequence > self.highest + 1 or not link.linked",
        "jumped = sequence > self.highest + 1 or False",
        TWO_NEIGHBOURS,
    ),
    "_new_link: other.first < link.end": (
        "if other.first < link.end and link.first < other.end:",
        "if True and link.first < other.end:",
        BATCH_NAMES,
    ),
    "_new_link: link.first < other.end": (
        "if other.first < link.end and link.first < other.end:",
        "if other.first < link.end and True:",
        f"{BATCH_NAMES_PREDECESSOR}[a sequence above the next]",
    ),
    "_new_link: other.previous == link.previous": (
        "if other.previous == link.previous:",
        "if False:",
        ANOTHER_BATCH,
    ),
    "_new_link: link.first == 1": (
        "if link.first == 1:  # step 9",
        "if False:  # step 9",
        SEALED_MAY,
    ),
    "_new_link: (before := self.links.get(link.previous)) is not None": (
        "elif (before := self.links.get(link.previous)) is not None:",
        "elif False:",
        SEALED_MAY,
    ),
    "_new_link: link.first != before.end": (
        "if link.first != before.end or link.sealed_at < before.sealed_at:",
        "if False or link.sealed_at < before.sealed_at:",
        BATCH_NAMES,
    ),
    "_new_link: link.sealed_at < before.sealed_at": (
        "if link.first != before.end or link.sealed_at < before.sealed_at:",
        "if link.first != before.end or False:",
        WHAT_REFUSED,
    ),
    "_new_link: after.previous == link.hash": (
        "if after.previous == link.hash and after.first == link.end and after.sealed_at >= link.sealed_at:",
        "if True and after.first == link.end and after.sealed_at >= link.sealed_at:",
        GAP_NOT,
    ),
    "_new_link: after.first == link.end": (
        "if after.previous == link.hash and after.first == link.end and after.sealed_at >= link.sealed_at:",
        "if after.previous == link.hash and True and after.sealed_at >= link.sealed_at:",
        f"{SUCCESSOR_DOES}[its successor has another sequence]",
    ),
    "_new_link: after.sealed_at >= link.sealed_at": (
        "if after.previous == link.hash and after.first == link.end and after.sealed_at >= link.sealed_at:",
        "if after.previous == link.hash and after.first == link.end and True:",
        f"{SUCCESSOR_DOES}[its successor was sealed before it]",
    ),
    "_use_id: message_id in self.used_ids": (
        "if message_id in self.used_ids:  # step 10",
        "if False:  # step 10",
        TWO_LEAVES,
    ),
    "code: self.first == 1": (
        'return "head_truncated" if self.first == 1 else "chain_gap"',
        'return "head_truncated" if False else "chain_gap"',
        f"{STREAM_WHOSE}[1-head_truncated]",
    ),
    "open_gaps: not link.linked": (
        "if not link.linked:",
        "if False:",
        f"{STREAM_WHOSE}[1-head_truncated]",
    ),
    "open_gaps: step gaps.append(Gap(first=min(before, link.first), last=link.first - 1))": (
        "gaps.append(Gap(first=min(before, link.first), last=link.first - 1))",
        "pass",
        f"{STREAM_WHOSE}[1-head_truncated]",
    ),
    "open_gaps: missing": (
        "if missing and start is None:",
        "if True and start is None:",
        TWO_NEIGHBOURS,
    ),
    "open_gaps: start is None": (
        "if missing and start is None:",
        "if missing and True:",
        LEAF_DID,
    ),
    "open_gaps: not missing": (
        "elif not missing and start is not None:",
        "elif True and start is not None:",
        LEAF_DID,
    ),
    "open_gaps: start is not None": (
        "elif not missing and start is not None:",
        "elif not missing and True:",
        LEAVES_MISSING,
    ),
    "open_gaps: step gaps.append(Gap(first=start, last=sequence - 1))": (
        "gaps.append(Gap(first=start, last=sequence - 1))",
        "pass",
        MISFIT_MISSING,
    ),
    "open_gaps: start is not None (2)": (
        "if start is not None:",
        "if False:",
        LEAVES_MISSING,
    ),
    "open_gaps: step gaps.append(Gap(first=start, last=min(link.end, highest + 1) - 1))": (
        "gaps.append(Gap(first=start, last=min(link.end, highest + 1) - 1))",
        "pass",
        LEAVES_MISSING,
    ),
    "_joined: out": (
        "if out and gap.last >= gap.first == out[-1].last + 1 and out[-1].last >= out[-1].first:",
        "if True and gap.last >= gap.first == out[-1].last + 1 and out[-1].last >= out[-1].first:",
        f"{STREAM_WHOSE}[1-head_truncated]",
    ),
    "_joined: gap.last >= gap.first": (
        "if out and gap.last >= gap.first == out[-1].last + 1 and out[-1].last >= out[-1].first:",
        "if out and gap.first == out[-1].last + 1 and out[-1].last >= out[-1].first:",
        GAP_NOT,
    ),
    "_joined: gap.first == out[-1].last + 1": (
        "if out and gap.last >= gap.first == out[-1].last + 1 and out[-1].last >= out[-1].first:",
        "if out and gap.last >= gap.first and out[-1].last >= out[-1].first:",
        TWO_GAPS,
    ),
    "_joined: out[-1].last >= out[-1].first": (
        "if out and gap.last >= gap.first == out[-1].last + 1 and out[-1].last >= out[-1].first:",
        "if out and gap.last >= gap.first == out[-1].last + 1 and True:",
        MISFIT_MISSING,
    ),
    "_joined: step out.append(gap)": (
        "out.append(gap)",
        "pass",
        MISFIT_MISSING,
    ),
}
