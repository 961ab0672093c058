"""Which signatures a document needs, and which broken rule a document without effect is refused for."""

from typing import Any

import pytest
from msgspec import structs

from node.errors import UsageError
from node.limits import DAY_MS
from node.trust.admission import Examination
from node.trust.signed_document import ParsedDocument, parse
from schemas import types
from schemas.avro.codec import encode, sorted_set
from schemas.types import DocumentKind, DocumentSignature, KeyReason, KeyUse
from tests.support.community import (
    T0,
    Community,
    agreement_body,
    document,
    keys_of,
    listed,
    node_body,
    root_body,
    signed,
)

ROOT, NODE, AGREEMENT = DocumentKind.ROOT, DocumentKind.NODE, DocumentKind.AGREEMENT


@pytest.fixture
def two() -> Community:
    """BZ and GT, and version 1 of their agreement."""
    community = Community(["BZ", "GT"])
    community.agreement("BZ-GT", ["BZ", "GT"])
    return community


def altered(parsed: ParsedDocument, **changes: Any) -> ParsedDocument:
    """The unsigned document with other fields."""
    other = structs.replace(parsed.document, **changes)
    return parse(encode(types.SignedDocument(document=encode(other), signatures=())))


def with_wrong_signature(data: bytes, signer: str) -> ParsedDocument:
    """A signed document with one more signature, by a trustee or by each signing key of a node: only zeros."""
    whole = parse(data).signed
    sizes = {KeyUse.AGREE: 3309, KeyUse.CHECKPOINT: 3309, KeyUse.SEAL: 64}
    wrong = [
        DocumentSignature(key_id=key.key_id, signature=bytes(sizes[key.use]))
        for key in keys_of(signer).keys
        if key.use in sizes
    ]
    return parse(encode(structs.replace(whole, signatures=sorted_set([*whole.signatures, *wrong]))))


def second_versions(community: Community) -> dict[DocumentKind, ParsedDocument]:
    """Version 2 of each kind, unsigned."""
    governance = community.governance
    return {
        ROOT: document(ROOT, "ROOT", root_body(), governance, version=2),
        NODE: document(NODE, "BZ", node_body(listed(keys_of("BZ"))), governance, version=2),
        AGREEMENT: document(AGREEMENT, "BZ-GT", agreement_body(["BZ", "GT"]), governance, version=2),
    }


def broken_rule(examination: Examination) -> tuple[str, str]:
    """Code and path."""
    assert examination.problem is not None
    assert examination.problem.path is not None
    return examination.problem.code, examination.problem.path


def test_a_wrong_signature_of_a_trustee_does_not_count_towards_the_threshold() -> None:
    community = Community()
    draft = document(NODE, "BZ", node_body(listed(keys_of("BZ"))), community.governance)
    one_trustee = with_wrong_signature(signed(draft, community.governance, "TR1", "BZ"), "TR2")

    assert community.governance.examine(one_trustee).missing == ("TR2", "TR3")


def test_a_wrong_signature_does_not_show_that_a_node_has_the_key() -> None:
    community = Community()
    draft = document(NODE, "BZ", node_body(listed(keys_of("BZ"))), community.governance)
    without_node = with_wrong_signature(signed(draft, community.governance, "TR1", "TR2"), "BZ")

    missing = community.governance.examine(without_node).missing
    assert sorted(missing) == ["BZ AGREE", "BZ CHECKPOINT", "BZ SEAL"]


def test_a_wrong_signature_of_a_party_does_not_count(two: Community) -> None:
    draft = document(AGREEMENT, "GT-BZ", agreement_body(["BZ", "GT"]), two.governance)
    one_party = with_wrong_signature(signed(draft, two.governance, "BZ"), "GT")

    assert two.governance.examine(one_party).missing == ("GT",)


@pytest.mark.parametrize("kind", [ROOT, NODE, AGREEMENT])
def test_a_version_that_is_not_the_next_is_refused_for_its_version(two: Community, kind: DocumentKind) -> None:
    """The message names the version that is missing. Another broken rule beside it does not change the answer."""
    examination = two.governance.examine(altered(second_versions(two)[kind], version=3, root=bytes([1]) * 32))

    assert broken_rule(examination) == ("document_version", "version")
    assert "needs version 2 first" in str(examination.problem)


@pytest.mark.parametrize("kind", [ROOT, NODE, AGREEMENT])
def test_a_version_that_names_another_predecessor_is_refused_for_it(two: Community, kind: DocumentKind) -> None:
    """Also if it names an unknown ROOT."""
    strange = altered(second_versions(two)[kind], previous=bytes([1]) * 32, root=bytes([1]) * 32)

    assert broken_rule(two.governance.examine(strange)) == ("document_previous", "previous")


@pytest.mark.parametrize("kind", [ROOT, NODE, AGREEMENT])
def test_a_version_that_names_an_unknown_root_is_refused_for_it(two: Community, kind: DocumentKind) -> None:
    strange = altered(second_versions(two)[kind], root=bytes([1]) * 32)

    assert broken_rule(two.governance.examine(strange)) == ("document_root", "root")


def test_a_key_list_is_compared_only_if_the_version_follows(two: Community) -> None:
    """A ROOT and a NODE that lose a key and name another predecessor are refused for the predecessor."""
    without_key = document(NODE, "BZ", node_body(listed(keys_of("BZ"))[1:]), two.governance, version=2)
    strange = altered(without_key, previous=bytes([1]) * 32)

    assert broken_rule(two.governance.examine(without_key))[0] == "keys_changed"
    assert broken_rule(two.governance.examine(strange))[0] == "document_previous"


def test_a_root_that_loses_a_registry_key_is_refused_for_it_only_if_it_follows() -> None:
    """It names another ROOT first, then the ROOT before it."""
    registry = listed(keys_of("REGISTRY"))
    first = document(ROOT, "ROOT", structs.replace(root_body(), registry_keys=sorted_set(registry)), None)
    community = Community()
    community.documents, community.community = [signed(first, None, "TR1", "TR2")], first.hash
    second = document(ROOT, "ROOT", root_body(), community.governance, version=2)

    assert broken_rule(community.governance.examine(second))[0] == "keys_changed"
    assert broken_rule(community.governance.examine(altered(second, root=bytes([1]) * 32)))[0] == "document_root"


def test_a_version_that_breaks_a_rule_needs_the_full_threshold(two: Community) -> None:
    """The answer names every trustee who could sign, as for any other version."""
    revoking = [
        structs.replace(key, until=T0 + 9, reason=KeyReason.COMPROMISED) if key.use is KeyUse.SEAL else key
        for key in listed(keys_of("BZ"))
    ]
    draft = document(NODE, "BZ", node_body(revoking), two.governance, version=2)
    strange = altered(draft, previous=bytes([1]) * 32)

    assert two.governance.examine(parse(signed(draft, two.governance, "TR1"))).missing == ()
    assert two.governance.examine(parse(signed(strange, two.governance, "TR1"))).missing == ("TR2", "TR3")


def test_a_revocation_may_begin_when_the_version_before_it_began(two: Community) -> None:
    revoking = [structs.replace(key, until=T0 + 9, reason=KeyReason.SUPERSEDED) for key in listed(keys_of("BZ"))]
    draft = document(NODE, "BZ", node_body(revoking), two.governance, version=2, from_=T0)

    assert two.governance.examine(parse(signed(draft, two.governance, "TR1"))).valid


def test_the_revoke_threshold_does_not_take_a_reason_back(two: Community) -> None:
    superseded = [structs.replace(key, until=T0 + DAY_MS, reason=KeyReason.SUPERSEDED) for key in listed(keys_of("BZ"))]
    second = document(NODE, "BZ", node_body(superseded), two.governance, version=2)
    two.documents.append(signed(second, two.governance, "TR1"))
    none = [structs.replace(key, reason=KeyReason.NONE) for key in superseded]
    third = document(NODE, "BZ", node_body(none), two.governance, version=3)

    assert two.governance.examine(parse(signed(third, two.governance, "TR1"))).missing == ("TR2", "TR3")


def test_a_document_with_a_broken_rule_has_no_effect_however_many_sign(two: Community) -> None:
    strange = altered(second_versions(two)[NODE], previous=bytes([1]) * 32)
    examination = two.governance.examine(parse(signed(strange, two.governance, "TR1", "TR2", "TR3")))

    assert examination.missing == ()
    assert not examination.valid


def test_the_counted_keys_of_an_agreement_are_the_agree_keys_of_its_parties(two: Community) -> None:
    draft = document(AGREEMENT, "GT-BZ", agreement_body(["BZ", "GT"]), two.governance)

    assert [(key.node, key.use) for key in two.governance.examine(draft).counted] == [
        ("BZ", KeyUse.AGREE),
        ("GT", KeyUse.AGREE),
    ]


def test_a_signature_by_a_stranger_is_refused_when_it_is_made(two: Community) -> None:
    draft = document(AGREEMENT, "GT-BZ", agreement_body(["BZ", "GT"]), two.governance)

    with pytest.raises(UsageError, match="no key of MX counts"):
        signed(draft, two.governance, "MX")
