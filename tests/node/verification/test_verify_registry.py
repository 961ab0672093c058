"""Records of the registry: ROOT lists its keys, and it needs no NODE document."""

from functools import cache
from typing import Any

import pytest
from msgspec import structs

from node.errors import Rejected
from node.sealing.seal import open_type_leaf
from node.stages import Verified
from node.trust.governance import Governance
from node.verification.signature_memory import SignatureMemory
from node.verification.verify import check_key_validity, verify
from schemas.types import DocumentKind, MessageType
from tests.support.community import (
    TRUSTEES,
    Community,
    document,
    keys_of,
    listed,
    root_body,
    signed,
)
from tests.support.records import (
    NOW,
    Author,
    place,
    seal_key,
)


@cache
def registry() -> Community:
    """A community whose ROOT lists a SEAL key of the registry."""
    made, key = Community(), seal_key("REGISTRY")
    body = structs.replace(root_body(), registry_keys=listed(keys_of("REGISTRY"))[:1])
    assert body.registry_keys[0].public == key.public
    first = document(DocumentKind.ROOT, "ROOT", body, None)
    made.documents, made.community = [signed(first, None, *TRUSTEES)], first.hash
    return made


def of_registry(sequence: int = 1, **fields: Any) -> tuple[bytes, Governance]:
    """A record of `governance` at a sequence, and the governance when it arrives."""
    registry_author = Author(code="REGISTRY", community=registry().community)
    made = b""
    for number in range(1, sequence + 1):
        leaf = open_type_leaf(MessageType.DOCUMENT, registry().documents[0], message_id=number.to_bytes(16, "big"))
        last = fields if number == sequence else {}
        made = registry_author.batch([leaf], stream="governance", **{"governance": number - 1, **last})[0]
    return made, registry().governance


@pytest.mark.parametrize("sequence", [1, 2, 3])
def test_the_registry_needs_no_node_document_and_no_governance_before_its_own(sequence: int) -> None:
    """ROOT lists its keys. Each of its records names the record before it as its state and is never held for that."""
    value, known = of_registry(sequence)
    found = verify(value, place=place("governance", "REGISTRY"), governance=known, memory=SignatureMemory())

    assert isinstance(found, Verified)
    check_key_validity(found, known, NOW)


def test_a_record_of_governance_names_exactly_the_record_before_it() -> None:
    for wrong in (0, 1, 3):
        value, known = of_registry(3, governance=wrong)
        with pytest.raises(Rejected) as error:
            verify(value, place=place("governance", "REGISTRY"), governance=known, memory=SignatureMemory())
        assert error.value.code == "batch_malformed"
