"""The bytes of receipts: what a node reports about each leaf, and what an originator reads in them."""

from dataclasses import replace

import pytest

from node.errors import Rejected
from node.sealing.seal import open_type_leaf
from node.stages import Decision, Grant, Outcome, Verified
from node.verification import receipt_bytes
from node.verification.judge import grant_of
from node.verification.receipt_bytes import (
    bodies,
    claims_entry,
    gets_receipt,
    meaning,
    outcome_of,
)
from node.verification.steps import STEP_OF_REJECTION, STEPS, opening_bytes, steps_by_byte
from schemas.avro import codec
from schemas.types import MessageType, Receipt
from tests.support.community import keys_of
from tests.support.readers import (
    granted,
    judge,
    verified,
    world,
)
from tests.support.records import (
    AudienceKey,
    Author,
    grant_body,
    place,
)


def holds(key_id: bytes) -> bool:
    return keys_of("GT").by_id(key_id) is not None


def message(author: Author, key: AudienceKey) -> Verified:
    return verified(judge(), author.message(key), place())


def grant_to(*recipients: str) -> tuple[AudienceKey, Grant]:
    """A new key and BZ's grant of it to `recipients`."""
    author = world().author()
    key = AudienceKey.new(author)
    by = {"GT": world().named(), "MX": world().named("1", world().bz_mx)}
    body = grant_body(author, key, judge().governance, {name: (by[name],) for name in recipients})
    return key, grant_of(verified(judge(), author.grant(body), place("keys")))


def byte_of(decision: Decision, *, recipients: tuple[str, ...] = ("GT",), known: bool = True) -> int | None:
    """GT's byte for a message under a grant to `recipients`; the grant is here if `known`."""
    key, grant = grant_to(*recipients)
    record = message(world().author(), key)
    return outcome_of(record, decision, grant=grant if known else None, node="GT", holds=holds)


OUTCOMES = {
    Outcome.STORED: 64,
    Outcome.WITHHELD: 65,
    Outcome.WAITING: 66,
    Outcome.HELD: 67,
    Outcome.NOT_ADDRESSED: 0,
    Outcome.COUNTED: 64,
    Outcome.DUPLICATE: None,
}


@pytest.mark.parametrize(("outcome", "byte"), OUTCOMES.items())
def test_each_outcome_has_the_byte_of_the_wire_format(outcome: Outcome, byte: int | None) -> None:
    assert byte_of(Decision(outcome=outcome)) == byte


@pytest.mark.parametrize("code", [code for code, step in STEP_OF_REJECTION.items() if step >= 8])
def test_a_rejection_has_its_step_as_byte_and_failures_to_open_have_the_same_byte(code: str) -> None:
    assert byte_of(Decision.rejected(Rejected(code, "detail"))) == min(STEP_OF_REJECTION[code], 14)


def test_every_outcome_has_a_byte() -> None:
    assert OUTCOMES.keys() | {Outcome.REJECTED} == set(Outcome)


@pytest.mark.parametrize("outcome", [Outcome.HELD, Outcome.REJECTED])
def test_a_message_for_others_is_not_addressed_even_if_it_was_held_or_rejected(outcome: Outcome) -> None:
    """A node does not report about messages for others, not even that it rejected them."""
    decision = Decision(outcome=outcome, code="equivocation")

    assert byte_of(decision, recipients=("MX",)) == 0
    assert byte_of(decision, recipients=("MX",), known=False) in (8, 67)


def test_a_grant_of_another_key_at_the_named_place_does_not_decide_who_is_addressed() -> None:
    key, _ = grant_to("GT")
    _, other = grant_to("MX")
    record = message(world().author(), key)
    decision = Decision.rejected(Rejected("grant_unlawful", "detail"))

    assert outcome_of(record, decision, grant=other, node="GT", holds=holds) == 13


@pytest.mark.parametrize(
    ("recipients", "has_key", "byte"),
    [(("GT", "MX"), True, 64), (("GT", "MX"), False, 66), (("MX",), True, 0)],
    ids=["unwrapped", "without the private key", "for others"],
)
def test_receipts_about_a_grant_come_from_the_nodes_that_it_addresses(
    recipients: tuple[str, ...], has_key: bool, byte: int
) -> None:
    author = world().author()
    by = {"GT": world().named(), "MX": world().named("1", world().bz_mx)}
    body = grant_body(author, AudienceKey.new(author), judge().governance, {name: (by[name],) for name in recipients})
    record = verified(judge(), author.grant(body), place("keys"))
    counted = Decision(outcome=Outcome.COUNTED, code="KEY_GRANT")

    assert outcome_of(record, counted, grant=None, node="GT", holds=lambda key_id: has_key and holds(key_id)) == byte


def test_only_a_counted_grant_waits_for_the_private_key() -> None:
    """A grant that is held stays held, and a recall that was counted has been opened."""
    key, grant = grant_to("GT")
    record = verified(judge(), world().author().grant(grant.body), place("keys"))
    recall = verified(judge(), world().author().recall(key, bytes(16)), place())
    held = Decision(outcome=Outcome.HELD, code="future")
    counted = Decision(outcome=Outcome.COUNTED, code="RECALL")

    assert outcome_of(record, held, grant=None, node="GT", holds=lambda _: False) == 67
    assert outcome_of(recall, counted, grant=grant, node="GT", holds=lambda _: False) == 64


def test_receipts_are_about_messages_and_grants_of_others_only() -> None:
    author = world().author()
    key, body = granted(author)
    receipt = Receipt(originator="GT", stream="keys", items=bodies("GT", "keys", [(bytes(32), b"\x40")])[0].items)
    own = verified(judge(), author.message(key), place())
    grant = verified(judge(), author.grant(body), place("keys"))
    leaf = open_type_leaf(MessageType.RECEIPT, codec.encode(receipt), message_id=bytes(16))
    [value] = author.batch([leaf], stream="receipts")
    sealed_receipt = verified(judge(), value, place("receipts"))

    assert sealed_receipt.receipt == receipt
    assert (gets_receipt(own, "GT"), gets_receipt(grant, "GT")) == (True, True)
    assert (gets_receipt(own, "BZ"), gets_receipt(grant, "BZ"), gets_receipt(sealed_receipt, "GT")) == (
        False,
        False,
        False,
    )


READ = {
    **dict.fromkeys((0, 1, 2, 7, 15, 16, 17, 63, 68, 255), ("outstanding", None)),
    **{step: ("rejected", step) for step in range(8, 14)},
    14: ("rejected", 14),
    64: ("stored", None),
    65: ("withheld", None),
    66: ("waiting", None),
    67: ("held", None),
}


@pytest.mark.parametrize(("byte", "says"), READ.items())
def test_an_originator_reads_each_byte_and_takes_every_other_as_outstanding(
    byte: int, says: tuple[str, int | None]
) -> None:
    assert meaning(byte) == says


@pytest.mark.parametrize(("byte", "claims"), [(13, True), (14, True), (15, False), (64, True), (65, True), (66, False)])
def test_only_the_bytes_of_an_opened_grant_claim_an_entry(byte: int, claims: bool) -> None:
    assert claims_entry(bytes([0, byte])) is claims


def test_a_byte_is_read_as_a_byte_and_not_as_the_number_of_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps are numbered from 101, and their bytes stay."""
    renumbered = [replace(step, number=step.number + 100 if step.rejects else step.number) for step in STEPS]
    monkeypatch.setattr(receipt_bytes, "STEP_OF_BYTE", steps_by_byte(renumbered))
    monkeypatch.setattr(receipt_bytes, "OPENING_BYTES", opening_bytes(renumbered))

    assert [meaning(byte) for byte in (8, 13, 14)] == [("rejected", 108), ("rejected", 113), ("rejected", 114)]
    assert meaning(108) == ("outstanding", None)
    assert [claims_entry(bytes([byte])) for byte in (12, 13, 14, 113)] == [False, True, True, False]


@pytest.mark.parametrize(("batches", "sizes"), [(1, [1]), (240, [240]), (241, [240, 1])])
def test_a_receipt_has_at_most_240_batches_each_once_and_in_wire_order(batches: int, sizes: list[int]) -> None:
    reported = [(number.to_bytes(32, "little"), bytes([64]) * (1 + number % 3)) for number in range(batches)]
    made = bodies("BZ", "intel.caribbean", reported)

    assert [len(receipt.items) for receipt in made] == sizes
    assert {(item.batch, item.outcomes) for receipt in made for item in receipt.items} == set(reported)
    for receipt in made:
        assert codec.decode(Receipt, codec.encode(receipt)) == receipt


def test_only_a_step_that_rejects_and_has_a_byte_is_found_by_its_byte() -> None:
    """A withheld message has a byte of its own, and a refused record that leaves no trace has none."""
    found = steps_by_byte(STEPS)

    assert None not in found
    assert set(found.values()) <= {step.number for step in STEPS if step.rejects}
