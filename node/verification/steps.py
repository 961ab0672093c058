"""The table of the verification steps 1 to 17: what each checks, with which codes, and where.

Pure data. Nothing else in the program lists codes by step. The order, the codes and the bytes are those of
docs/wire-format.md ("Verification, in this order", "Receipts"); a test compares them. A new step or code is a change of
this table, of the function that it names, and of the manual.

The table is not on the path of a record: `judge` calls the functions, and the table only refers to them.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from node.sharing import policy
from node.sharing.grants import AudienceKeys, check_entry, check_lawful
from node.verification import chain, headers, judge, open_types, opening, payload_rules, verify
from node.verification.step_types import WITHHOLDING, Phase, Step

_UNOPENED: Final = 14  # 14 to 16 look the same from outside: the byte does not say how far a message could be opened

STEPS: Final[tuple[Step, ...]] = (
    Step(
        number=1,
        name="size and framing",
        phase=Phase.RECORD,
        codes=("record_too_large", "framing_invalid"),
        functions=(verify.check_framing,),
    ),
    Step(
        number=2,
        name="batch, community and place",
        phase=Phase.RECORD,
        codes=("batch_malformed", "community_mismatch", "stream_mismatch"),
        functions=(verify.check_batch, verify.check_place),
    ),
    Step(
        number=3,
        name="suite, governance state and key",
        phase=Phase.RECORD,
        codes=("suite_unknown", "key_unknown", "key_use_wrong"),
        functions=(verify.check_suite, verify.check_before_holding, verify.check_sealing_key, verify.check_key_use),
    ),
    Step(
        number=4,
        name="signature",
        phase=Phase.RECORD,
        codes=("signature_invalid",),
        functions=(verify.check_signature,),
    ),
    Step(number=5, name="Merkle path", phase=Phase.RECORD, codes=("path_invalid",), functions=(verify.check_path,)),
    Step(
        number=6,
        name="content hash",
        phase=Phase.RECORD,
        codes=("content_mismatch",),
        functions=(verify.check_content,),
    ),
    Step(
        number=7,
        name="header, and body of an open type",
        phase=Phase.RECORD,
        codes=("header_malformed", "body_malformed"),
        functions=(
            headers.check_header,
            headers.check_sealed_header,
            headers.check_content_length,
            open_types.check_body,
        ),
    ),
    Step(
        number=8,
        name="place in the stream",
        phase=Phase.STREAM,
        codes=("equivocation",),
        functions=(chain.StreamView.place, chain.check_no_equivocation),
        receipt_byte=8,
    ),
    Step(
        number=9,
        name="chain",
        phase=Phase.STREAM,
        codes=("chain_invalid",),
        functions=(chain.check_continues,),
        receipt_byte=9,
    ),
    Step(
        number=10,
        name="message id",
        phase=Phase.STREAM,
        codes=("message_id_reused",),
        functions=(chain.StreamView.use_message_id,),
        receipt_byte=10,
    ),
    Step(
        number=11,
        name="key, NODE document and clock at t",
        phase=Phase.TIME,
        codes=("key_not_valid",),
        functions=(verify.check_key_validity, judge.held_from_the_future),
        receipt_byte=11,
    ),
    Step(
        number=12,
        name="governance not stale",
        phase=Phase.TIME,
        codes=("governance_stale",),
        functions=(),  # a community whose documents are files has no registry, and no state that could be stale
        receipt_byte=12,
    ),
    Step(
        number=13,
        name="grant and audience key",
        phase=Phase.OPENING,
        codes=("grant_unlawful", "audience_key_mismatch"),
        functions=(opening.open_message, check_lawful, check_entry, AudienceKeys.key, judge.Judge.try_grant),
        receipt_byte=13,
    ),
    Step(
        number=14,
        name="commitment",
        phase=Phase.OPENING,
        codes=("commitment_mismatch",),
        functions=(opening.check_commitment,),
        receipt_byte=_UNOPENED,
    ),
    Step(
        number=15,
        name="decryption, frames and padding",
        phase=Phase.OPENING,
        codes=("decryption_failed",),
        functions=(opening.decrypt,),
        receipt_byte=_UNOPENED,
    ),
    Step(
        number=16,
        name="labels and payload",
        phase=Phase.OPENING,
        codes=("labels_mismatch", "payload_schema_unknown", "payload_code_unknown", "payload_malformed"),
        functions=(opening.check_labels_and_payload, opening.labels_agree, payload_rules.check_report),
        receipt_byte=_UNOPENED,
    ),
    Step(
        number=WITHHOLDING,
        name="clause and retention",
        phase=Phase.OPENING,
        codes=("clause_not_satisfied", "expired"),
        functions=(judge.Judge.admit, policy.decide),
        receipt_byte=65,
    ),
)
"""All steps, in order."""

STEP_OF_REJECTION: Final[Mapping[str, int]] = {
    code: step.number for step in STEPS if step.rejects for code in step.codes
}
"""Code of a rejected record -> number of its step."""

REJECTION_BYTES: Final[Mapping[int, int]] = {
    step.number: step.receipt_byte for step in STEPS if step.rejects and step.receipt_byte is not None
}
"""Number of a step -> byte in receipts about a leaf that it rejected."""


def steps_by_byte(steps: Iterable[Step]) -> dict[int, int]:
    """Byte in receipts -> number of the step that rejected the leaf; of several steps with one byte, the first."""
    numbers: dict[int, int] = {}
    for step in steps:
        if step.rejects and step.receipt_byte is not None:
            numbers.setdefault(step.receipt_byte, step.number)
    return numbers


def opening_bytes(steps: Iterable[Step]) -> frozenset[int]:
    """The bytes of rejections that only a recipient who has an entry in the grant can send."""
    return frozenset(steps_by_byte(step for step in steps if step.phase is Phase.OPENING))


STEP_OF_BYTE: Final[Mapping[int, int]] = steps_by_byte(STEPS)
OPENING_BYTES: Final = opening_bytes(STEPS)


def step_of(code: str) -> int:
    """The number of the step that rejects with `code`."""
    return STEP_OF_REJECTION[code]
