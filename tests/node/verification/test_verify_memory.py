"""The memory of signatures: a batch costs one verification, and every other check runs each time."""

import pytest

from node.errors import Rejected
from node.sealing import public_keys
from node.stages import Verified
from node.verification.signature_memory import SignatureMemory
from node.verification.verify import verify
from schemas.types import DocumentKind
from tests.node.verification.test_verify import (
    Reader,
    author,
    batch_of,
    message,
)
from tests.support.community import (
    Community,
    document,
    keys_of,
    listed,
    node_body,
    signed,
)
from tests.support.records import AudienceKey, Author, place


def test_a_batch_costs_one_verification_of_its_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    """Independent of the number of leaves that arrive. Another batch costs another verification."""
    reader, bz = Reader(), author()
    key = AudienceKey.new(bz)
    records = bz.batch([bz.sealed_leaf(key) for _ in range(5)])
    calls: list[bytes] = []

    def counted(public: bytes, signature: bytes, data: bytes) -> bool:
        calls.append(signature)
        return true(public, signature, data)

    true = public_keys.verify_ed25519
    monkeypatch.setattr("node.verification.verify.public_keys.verify_ed25519", counted)

    assert [reader.code(value) for value in records] == [""] * 5
    assert len(calls) == 1
    assert reader.code(bz.message(key)) == ""
    assert len(calls) == 2


def test_the_key_is_checked_again_for_a_remembered_signature() -> None:
    """A document may change between two records of one batch."""
    made = Community(("BZ",))
    bz, memory = Author(code="BZ", community=made.community), SignatureMemory()
    key = AudienceKey.new(bz)
    first, second = bz.batch([bz.sealed_leaf(key) for _ in range(2)])
    before = made.governance
    draft = document(DocumentKind.NODE, "BZ", node_body(listed(keys_of("BZ")), ("keys",)), before, version=2)
    made.documents.append(signed(draft, before, "TR1", "TR2"))

    assert isinstance(verify(first, place=place(), governance=before, memory=memory), Verified)
    with pytest.raises(Rejected) as error:
        verify(second, place=place(), governance=made.governance, memory=memory)
    assert error.value.code == "key_use_wrong"


def test_the_memory_of_signatures_forgets_what_was_asked_for_longest_ago() -> None:
    memory, found = SignatureMemory(size_max=2), batch_of(message())
    memory.put(b"1", found)
    memory.put(b"2", found)
    assert memory.get(b"1") is found
    memory.put(b"3", found)

    assert memory.get(b"1") is found
    assert memory.get(b"2") is None
    assert memory.get(b"3") is found
