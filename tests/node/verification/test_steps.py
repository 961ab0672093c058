"""The table of verification steps is complete, agrees with the manual, and refers to the code that does each step."""

import inspect
import re

from node.verification.receipt_bytes import WITHHELD
from node.verification.step_types import Phase
from node.verification.steps import OPENING_BYTES, REJECTION_BYTES, STEP_OF_BYTE, STEP_OF_REJECTION, STEPS, step_of
from tests.support.contract import DOCS, code, tables

MANUAL = tables("wire-format.md", "## Verification, in this order")


def number_of(cell: str) -> int:
    """11 for both halves of step 11, `11a` and `11b`."""
    return int(cell.rstrip("ab"))


def test_the_table_has_the_steps_1_to_17_in_order() -> None:
    assert [step.number for step in STEPS] == list(range(1, 18))
    assert all(step.name for step in STEPS)


def test_the_steps_and_their_codes_are_those_of_the_manual() -> None:
    rows = [(number_of(row["step"]), code(row["code"])) for table in MANUAL for row in table]

    assert {number for number, _ in rows} == {step.number for step in STEPS}
    for step in STEPS:
        assert set(step.codes) == {name for number, name in rows if number == step.number and name}, step.number


def test_the_phases_are_the_tables_of_the_manual() -> None:
    in_manual = [{number_of(row["step"]) for row in table} for table in MANUAL]
    phases = [
        {step.number for step in STEPS if step.phase is Phase.RECORD},
        {step.number for step in STEPS if step.phase in (Phase.STREAM, Phase.TIME)},
        {step.number for step in STEPS if step.phase is Phase.OPENING},
    ]

    assert in_manual == phases


def test_no_code_belongs_to_two_steps() -> None:
    codes = [name for step in STEPS for name in step.codes]

    assert len(codes) == len(set(codes))


def test_the_codes_of_rejections_are_those_of_the_contract() -> None:
    rejections, notes, _ = tables("contract.md", "## Codes")

    assert {code(row["code"]): int(row["step"]) for row in rejections} == STEP_OF_REJECTION
    withholding = {name for step in STEPS if not step.rejects for name in step.codes}
    assert withholding == {"clause_not_satisfied", "expired"}
    assert withholding <= {code(row["code"]) for row in notes}
    assert step_of("payload_malformed") == 16


def test_each_step_refers_to_functions_that_exist_and_say_which_step_they_do() -> None:
    """Only step 12 has no function: it needs the registry."""
    for step in STEPS:
        for function in step.functions:
            assert inspect.getdoc(function), function
            assert function.__module__.startswith("node."), function
    assert [step.number for step in STEPS if not step.functions] == [12]


def test_the_bytes_in_receipts_are_those_of_the_manual() -> None:
    section = (DOCS / "wire-format.md").read_text("utf-8").partition("\n## Receipts\n")[2].partition("\n## ")[0]
    first, last = map(int, re.findall(r"\b(\d+) to (\d+)\s+rejected", section)[0])
    unopened = int(re.findall(r"(\d+)\s+could not be opened", section)[0])

    assert [step.number for step in STEPS if step.receipt_byte is None] == list(range(1, first))
    assert {step: byte for step, byte in REJECTION_BYTES.items() if byte != unopened} == {
        step: step for step in range(first, last + 1)
    }
    assert {step for step, byte in REJECTION_BYTES.items() if byte == unopened} == {14, 15, 16}
    assert STEPS[-1].receipt_byte == WITHHELD == int(re.findall(r"(\d+)\s+withheld", section)[0])
    assert {step: step for step in range(first, last + 1)} | {unopened: 14} == STEP_OF_BYTE
    assert {13, unopened} == OPENING_BYTES
