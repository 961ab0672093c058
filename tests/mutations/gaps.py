"""What is taken out of node/verification/gaps.py in turn: name, text, what stands there instead, the test that turns
red.
"""

from typing import Final

from tests.mutations.row import Rows

CHAIN: Final = "tests/node/verification/test_chain.py"
STREAM_WHOSE: Final = f"{CHAIN}::test_a_stream_whose_first_record_is_not_the_first_has_lost_its_head"
LEAF_DID: Final = f"{CHAIN}::test_a_leaf_that_did_not_arrive_leaves_a_gap_inside_its_batch"
TWO_NEIGHBOURS: Final = f"{CHAIN}::test_two_neighbours_that_do_not_fit_each_other_have_a_gap_between_them"
GAP_NOT: Final = f"{CHAIN}::test_a_gap_is_not_closed_by_a_batch_of_its_size_that_fits_neither_end"
LEAVES_MISSING: Final = f"{CHAIN}::test_leaves_missing_at_the_end_of_a_batch_are_a_gap_once_the_next_is_here"
MISFIT_MISSING: Final = f"{CHAIN}::test_a_misfit_and_a_missing_leaf_behind_it_are_two_gaps"
TWO_GAPS: Final = f"{CHAIN}::test_gaps_with_something_between_them_are_two"

ROWS: Final[Rows] = {
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
