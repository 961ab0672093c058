"""Whose signatures a NODE document needs when it adds keys, and under which ROOTs it is admitted."""

import pytest
from msgspec import structs

from node.sealing.private_keys import PrivateKeys
from node.trust.governance import load_governance
from node.trust.signed_document import ParsedDocument, parse
from schemas import types
from schemas.avro.codec import encode, sorted_set
from schemas.types import DocumentKind, KeyReason, KeyUse
from tests.support.community import (
    T0,
    TRUSTEES,
    YEAR,
    Community,
    document,
    keys_of,
    listed,
    node_body,
    root_body,
    signed,
    signed_by,
)
from tests.support.trust import changed_keys, node_version, problem, with_document

ROOT, NODE = DocumentKind.ROOT, DocumentKind.NODE
LATER = T0 + YEAR // 2
NEWCOMERS = ("TR4", "TR5", "TR6")


def with_new(use: KeyUse) -> tuple[types.Node, PrivateKeys]:
    """The body of BZ with one more key, and the holder of that key, who is not BZ."""
    rogue = PrivateKeys.generate("BZ", (use,))
    return node_body([*listed(keys_of("BZ")), *listed(rogue)]), rogue


def naming(parsed: ParsedDocument, root: bytes) -> ParsedDocument:
    """The unsigned document with another ROOT."""
    other = structs.replace(parsed.document, root=root)
    return parse(encode(types.SignedDocument(document=encode(other), signatures=())))


def with_second_root(community: Community, begin: int, *trustees: str) -> None:
    """Add ROOT version 2 with these trustees."""
    governance = community.governance
    draft = document(ROOT, "ROOT", root_body(trustees), governance, version=2, from_=begin, until=T0 + 9 * YEAR)
    community.documents.append(signed(draft, governance, "TR1", "TR2", *trustees[:2]))


@pytest.mark.parametrize("use", [KeyUse.ENCRYPT, KeyUse.AGREE])
def test_trustees_alone_add_no_key_that_reads_in_the_name_of_a_node(bz: Community, use: KeyUse) -> None:
    """An AGREE key would let them add an ENCRYPT key with the next version."""
    body, rogue = with_new(use)
    draft = signed_by(node_version(bz, body), rogue, bz.governance) if use is KeyUse.AGREE else node_version(bz, body)
    forged = with_document(bz, draft, *TRUSTEES)

    assert len(forged.nodes["BZ"]) == 1
    assert problem(forged).error.message.endswith("lacks signatures of BZ AGREE of version 1")
    assert len(with_document(bz, draft, "TR1", "TR2", "BZ").nodes["BZ"]) == 2


def test_a_compromised_agree_key_adds_no_key(bz: Community) -> None:
    """Its thief would read. Every trustee must sign then, because a threshold alone could revoke the key first."""
    lost = changed_keys("BZ", KeyUse.AGREE, until=T0 + 1, reason=KeyReason.COMPROMISED)
    bz.documents.append(signed(node_version(bz, node_body(lost), from_=T0 + 1), bz.governance, "TR3"))
    fresh = listed(PrivateKeys.generate("BZ", (KeyUse.ENCRYPT,)))
    draft = node_version(bz, node_body([*lost, *fresh]), version=3)
    two, all_three = with_document(bz, draft, "TR1", "TR2"), with_document(bz, draft, *TRUSTEES)

    assert problem(two).error.message.endswith("lacks signatures of TR3")
    assert len(all_three.nodes["BZ"]) == 3


def test_a_version_that_revokes_the_agree_key_is_not_signed_by_it(bz: Community) -> None:
    """A thief of the key cannot add a key by a version that also calls the stolen key COMPROMISED."""
    lost = changed_keys("BZ", KeyUse.AGREE, until=T0 + 1, reason=KeyReason.COMPROMISED)
    body = node_body([*lost, *listed(PrivateKeys.generate("BZ", (KeyUse.ENCRYPT,)))])
    draft = node_version(bz, body)

    assert bz.governance.examine(draft).missing == TRUSTEES


def test_a_seal_key_is_added_without_the_agree_key(bz: Community) -> None:
    """A SEAL key reads nothing, and its holder signs the document."""
    body, holder = with_new(KeyUse.SEAL)
    draft = signed_by(node_version(bz, body), holder, bz.governance)

    assert len(with_document(bz, draft, "TR1", "TR2").nodes["BZ"]) == 2


def test_an_expired_root_admits_no_node() -> None:
    """The trustees of an expired ROOT have no say about later times."""
    community = Community()
    draft = document(
        NODE, "BZ", node_body(listed(keys_of("BZ"))), community.governance, from_=T0 + YEAR, until=T0 + 9 * YEAR
    )
    governance = with_document(community, draft, *TRUSTEES, "BZ")

    assert governance.nodes == {}
    assert (problem(governance).error.code, problem(governance).error.path) == ("root_expired", "root")


def test_a_node_document_does_not_outlive_its_root() -> None:
    """What was sealed while the ROOT was valid stays valid, and the keys stay listed."""
    community = Community()
    draft = document(NODE, "BZ", node_body(listed(keys_of("BZ"))), community.governance, until=T0 + 9 * YEAR)
    governance = with_document(community, draft, "TR1", "TR2", "BZ")

    assert [governance.members(t) for t in (T0 + YEAR - 1, T0 + YEAR)] == [("BZ",), ()]
    assert governance.may_write("BZ", "keys", T0 + YEAR)
    assert governance.key(keys_of("BZ").newest(KeyUse.SEAL).key_id) is not None


def test_a_new_root_follows_an_expired_one_and_renews_a_node() -> None:
    """A community that was late is not lost."""
    community = Community(["BZ"])
    with_second_root(community, T0 + 2 * YEAR, *TRUSTEES)
    renewed = node_version(community, node_body(listed(keys_of("BZ"))), from_=T0 + 2 * YEAR, until=T0 + 4 * YEAR)
    governance = with_document(community, renewed, "TR1", "TR2")

    assert [governance.members(T0 + years * YEAR) for years in (0, 1, 2, 3)] == [("BZ",), (), ("BZ",), ("BZ",)]


def test_trustees_who_have_left_admit_no_node_for_the_time_after_them() -> None:
    """The document names the ROOT that lists them. The ROOT at its beginning must agree."""
    community = Community(["BZ"])
    [old] = community.governance.roots
    with_second_root(community, LATER, *NEWCOMERS)
    body = node_body(listed(keys_of("GT")))
    draft = naming(document(NODE, "GT", body, community.governance, from_=LATER), old.hash)

    assert problem(with_document(community, draft, *TRUSTEES, "GT")).error.code == "signatures_missing"
    both = with_document(community, draft, "TR1", "TR2", "TR4", "TR5", "GT")
    assert both.members(LATER) == ("BZ", "GT")


def test_documents_that_began_before_a_new_root_keep_their_effect() -> None:
    """A rotation of trustees does not make every node sign again."""
    community = Community(["BZ"])
    with_second_root(community, LATER, *NEWCOMERS)

    assert community.governance.members(LATER + 1) == ("BZ",)


def test_the_ended_key_of_a_trustee_does_not_count() -> None:
    """A ROOT says until when the key of each trustee counts."""
    trustees = [
        structs.replace(trustee, key=structs.replace(trustee.key, until=LATER)) if trustee.id == "TR1" else trustee
        for trustee in root_body().trustees
    ]
    first = document(ROOT, "ROOT", structs.replace(root_body(), trustees=sorted_set(trustees)), None)
    community = Community()
    community.documents, community.community = [signed(first, None, "TR2", "TR3")], first.hash
    body, governance = node_body(listed(keys_of("BZ"))), community.governance
    before, after = (document(NODE, "BZ", body, governance, from_=begin) for begin in (LATER - 1, LATER))

    assert "BZ" in with_document(community, before, "TR1", "TR2", "BZ").nodes
    assert {key.node for key in governance.examine(after).counted} == {"TR2", "TR3", "BZ"}
    assert governance.examine(parse(signed(before, governance, "TR1", "TR2", "BZ"))).missing == ()


def test_a_revocation_does_not_live_longer_by_naming_a_later_root() -> None:
    """One trustee may revoke; to prolong a membership needs the threshold."""
    community = Community()
    draft = document(NODE, "BZ", node_body(listed(keys_of("BZ"))), community.governance, until=T0 + 9 * YEAR)
    community.documents.append(signed(draft, community.governance, "TR1", "TR2", "BZ"))
    with_second_root(community, LATER, *TRUSTEES)
    body = node_body(changed_keys("BZ", KeyUse.CHECKPOINT, until=LATER))
    longer = node_version(community, body, from_=LATER, until=T0 + 9 * YEAR)
    [first, _] = community.governance.roots

    assert community.governance.examine(parse(signed(longer, community.governance, "TR1"))).missing == ("TR2", "TR3")
    as_before = naming(longer, first.hash)
    assert community.governance.examine(parse(signed(as_before, community.governance, "TR1"))).missing == ()


def test_the_order_of_the_files_does_not_matter() -> None:
    """ROOTs are read first."""
    community = Community(["BZ"])
    with_second_root(community, LATER, *NEWCOMERS)
    reversed_ = load_governance(list(reversed(community.documents)), community.community)

    assert reversed_.nodes == community.governance.nodes
