"""The answers of governance at a time."""

from collections.abc import Iterable
from itertools import product
from typing import Any

from msgspec import structs

from broker.streams import REGISTRY
from node.limits import DAY_MS
from node.trust.governance import load_governance
from schemas.avro.codec import sorted_set
from schemas.types import ClauseReference, DocumentKind, KeyUse
from tests.support.community import (
    STREAMS,
    T0,
    YEAR,
    Community,
    clause,
    document,
    keys_of,
    listed,
    node_body,
    root_body,
    signed,
)
from tests.support.trust import changed_keys, node_version

ROOT, NODE, AGREEMENT = DocumentKind.ROOT, DocumentKind.NODE, DocumentKind.AGREEMENT
NOW = T0 + 30 * DAY_MS


def test_a_document_is_valid_from_its_from_until_before_its_until(bz: Community) -> None:
    """`from` belongs to the interval, `until` does not."""
    governance = bz.governance

    assert governance.node_at("BZ", T0 - 1) is None
    assert [governance.node_valid("BZ", t) for t in (T0 - 1, T0, T0 + YEAR - 1, T0 + YEAR)] == [
        False,
        True,
        True,
        False,
    ]
    assert governance.node_at("BZ", T0 + YEAR) is not None  # the document of that time, past its until


def test_the_highest_version_that_has_begun_applies(bz: Community) -> None:
    """Keys come from the newest version, streams from the version that applies at the time."""
    body = node_body(changed_keys("BZ", KeyUse.SEAL, until=NOW + 1), STREAMS[:-1])
    bz.documents.append(signed(node_version(bz, body, from_=NOW), bz.governance, "TR1", "TR2"))
    governance = bz.governance

    assert [governance.may_write("BZ", "receipts", t) for t in (T0 - 1, NOW - 1, NOW)] == [False, True, False]
    key = governance.key(keys_of("BZ").newest(KeyUse.SEAL).key_id)
    assert key is not None
    assert key.until == NOW + 1


def test_a_higher_version_applies_even_after_its_until(bz: Community) -> None:
    """The version before it does not apply again."""
    short = node_version(bz, node_body(listed(keys_of("BZ"))), until=NOW)
    bz.documents.append(signed(short, bz.governance, "TR1", "TR2"))

    assert not bz.governance.node_valid("BZ", NOW)


def test_the_registry_writes_its_two_streams() -> None:
    """The id REGISTRY may write them; its keys are in ROOT."""
    keys = keys_of(REGISTRY)
    body = structs.replace(root_body(), registry_keys=sorted_set(listed(keys)))
    first = document(ROOT, "ROOT", body, None)
    governance = load_governance([signed(first, None, "TR1", "TR2")])

    record = governance.key(keys.newest(KeyUse.SEAL).key_id)
    assert record is not None
    assert record.node == REGISTRY
    assert [governance.may_write(REGISTRY, name, NOW) for name in ("governance", "checkpoints", "keys")] == [
        True,
        True,
        False,
    ]


def test_encrypt_keys_are_the_valid_keys_of_a_valid_node(bz: Community) -> None:
    """Two while a rotation overlaps, none after the document has expired."""
    more = keys_of("BZ").with_new(KeyUse.ENCRYPT)
    old, new = [key for key in listed(more) if key.use is KeyUse.ENCRYPT]
    others = [key for key in listed(keys_of("BZ")) if key.use is not KeyUse.ENCRYPT]
    rotated = [*others, structs.replace(old, until=NOW + 1), structs.replace(new, from_=NOW)]
    bz.documents.append(signed(node_version(bz, node_body(rotated)), bz.governance, "TR1", "TR2", "BZ"))
    governance = bz.governance

    assert [len(governance.encrypt_keys("BZ", t)) for t in (NOW - 1, NOW, NOW + 1, T0 + YEAR)] == [1, 2, 1, 0]
    assert governance.encrypt_keys("ES", NOW) == ()


def test_an_agreement_signed_by_all_is_in_force_between_its_dates(three: Community) -> None:
    """from <= t < until."""
    document_hash = three.agreement("BZ-GT", ["BZ", "GT"])
    governance = three.governance

    assert [len(governance.clauses_in_force("BZ", "GT", t)) for t in (T0 - 1, T0, T0 + YEAR - 1, T0 + YEAR)] == [
        0,
        1,
        1,
        0,
    ]
    version = governance.agreement_by_hash(document_hash)
    assert version is not None
    assert version.in_force(NOW)
    assert governance.clause(ClauseReference(agreement=document_hash, clause="1")) == (version, version.body.clauses[0])
    assert governance.clause(ClauseReference(agreement=document_hash, clause="2")) is None


def test_a_clause_applies_from_its_originators_to_its_recipients(three: Community) -> None:
    """It does not let the recipient send back, another party send, or a node send to itself."""
    three.agreement("ALL", ["BZ", "GT", "MX"], clause(["BZ", "GT"], ["GT"]))
    governance = three.governance

    pairs = list(product(("BZ", "GT", "MX"), repeat=2))
    assert [pair for pair in pairs if governance.clauses_in_force(pair[0], pair[1], NOW)] == [("BZ", "GT")]


def test_a_later_version_replaces_the_earlier_one_at_its_from(three: Community) -> None:
    """They are never both in force. When the later version ends, the earlier one does not apply again."""
    first = three.agreement("BZ-GT", ["BZ", "GT"])
    second = three.agreement("BZ-GT", ["BZ", "GT"], version=2, from_=NOW, until=NOW + DAY_MS)
    governance = three.governance

    def hashes(t: int) -> list[bytes]:
        return [version.hash for version, _ in governance.clauses_in_force("BZ", "GT", t)]

    assert [hashes(t) for t in (NOW - 1, NOW, NOW + DAY_MS)] == [[first], [second], []]


def test_looking_up_clauses_does_not_depend_on_the_other_agreements(three: Community) -> None:
    """The answer for a pair comes from an index that contains only its own agreements."""
    three.agreement("BZ-GT", ["BZ", "GT"])
    three.agreement("GT-MX", ["GT", "MX"])
    governance = three.governance

    def ids(versions: Iterable[Any]) -> list[str]:
        return [version.id for version in versions]

    assert ids(version for version, _ in governance.clauses_in_force("BZ", "GT", NOW)) == ["BZ-GT"]
    assert ids(governance.agreements_between("GT", "MX")) == ["GT-MX"]
    assert ids(governance.agreements_between("BZ", "MX")) == []
