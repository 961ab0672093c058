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
    "check_no_equivocation: other.first < link.end": (
        "if other.first < link.end and link.first < other.end:",
        "if True and link.first < other.end:",
        BATCH_NAMES,
    ),
    "check_no_equivocation: link.first < other.end": (
        "if other.first < link.end and link.first < other.end:",
        "if other.first < link.end and True:",
        f"{BATCH_NAMES_PREDECESSOR}[a sequence above the next]",
    ),
    "check_no_equivocation: other.previous == link.previous": (
        "if other.previous == link.previous:",
        "if False:",
        ANOTHER_BATCH,
    ),
    "check_continues: link.first == 1": (
        "if link.first == 1:",
        "if False:",
        SEALED_MAY,
    ),
    "_new_link: step check_no_equivocation(link, self.links.values())": (
        "check_no_equivocation(link, self.links.values())",
        "pass",
        ANOTHER_BATCH,
    ),
    "check_continues: before is None": (
        "if before is None:",
        "if True:",
        SEALED_MAY,
    ),
    "check_continues: link.first != before.end": (
        "if link.first != before.end or link.sealed_at < before.sealed_at:",
        "if False or link.sealed_at < before.sealed_at:",
        BATCH_NAMES,
    ),
    "check_continues: link.sealed_at < before.sealed_at": (
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
    "use_message_id: message_id in self.used_ids": (
        "if message_id in self.used_ids:  # step 10",
        "if False:  # step 10",
        TWO_LEAVES,
    ),
}
