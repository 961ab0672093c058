"""Decisions of a reader that are not a numbered step of the verification."""

from dataclasses import replace

import pytest
from msgspec import structs

from node.sealing.seal import open_type_leaf
from node.stages import Decision
from node.verification.judge import grant_of
from schemas.avro import codec
from schemas.types import Batch, MessageType, Receipt, ReceiptItem
from tests.support.readers import code_of, decide, granted, judge, verified, world
from tests.support.records import INTEL, NOW, parts, place, resigned, seal_key


@pytest.mark.parametrize("value", [None, b""], ids=["none", "empty"])
def test_a_record_without_a_value_is_refused(value: bytes | None) -> None:
    """A log may return a record without a value; on a topic that is never compacted it has no meaning."""
    found = judge().authenticate(value, place())

    assert isinstance(found, Decision)
    assert code_of(found) == "framing_invalid"


def test_a_record_that_names_a_governance_state_that_is_not_here_is_held() -> None:
    author = world().author()
    key, _ = granted(author)
    value = author.message(key)
    batch = structs.replace(codec.decode(Batch, parts(value).batch), governance=7)
    found = judge().authenticate(resigned(value, codec.encode(batch), seal_key("BZ")), place())

    assert isinstance(found, Decision)
    assert code_of(found) == "held governance"
    assert found.reason == "names governance 7"


def test_an_open_type_that_is_not_a_grant_is_counted() -> None:
    receipt = Receipt(originator="GT", stream=INTEL, items=(ReceiptItem(batch=bytes(32), outcomes=b"\x40"),))
    leaf = open_type_leaf(MessageType.RECEIPT, codec.encode(receipt), message_id=bytes(16))
    [value] = world().author().batch([leaf], stream="receipts")
    record = verified(judge(), value, place("receipts"))

    assert code_of(judge().decide(record, grant=None, now=NOW)) == "counted RECEIPT"


def test_only_a_key_grant_carries_a_grant() -> None:
    author = world().author()
    key, _ = granted(author)

    with pytest.raises(ValueError, match="only a KEY_GRANT"):
        grant_of(verified(judge(), author.message(key), place()))


def test_a_recall_needs_no_clause_and_a_report_does() -> None:
    author = world().author()
    key, grant = granted(author)
    record = author.grant(grant)
    outcomes = []
    for value in (author.recall(key, bytes(16)), author.message(key)):
        opened = decide(judge(), value, record).opened
        assert opened is not None
        outcomes.append(code_of(judge().admit(replace(opened, clauses=()), NOW)))

    assert outcomes == ["counted RECALL", "withheld clause_not_satisfied"]
