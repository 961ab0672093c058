"""Documents of a community in any order: which community, duplicates and conflicts."""

import pytest

from node.limits import DAY_MS
from node.trust.governance import load_governance
from node.trust.signed_document import DocumentInvalid
from schemas.types import DocumentKind
from tests.support.community import (
    STREAMS,
    T0,
    Community,
    document,
    keys_of,
    listed,
    node_body,
    signed,
)
from tests.support.trust import node_version, problem

ROOT, NODE, AGREEMENT = DocumentKind.ROOT, DocumentKind.NODE, DocumentKind.AGREEMENT
NOW = T0 + 30 * DAY_MS


def test_the_community_is_the_hash_of_the_first_root() -> None:
    """It is configured, or it is the only one."""
    community = Community()

    assert load_governance(community.documents).community == community.community
    assert load_governance(community.documents, community.community).community == community.community


def test_another_community_is_refused(bz: Community) -> None:
    """Documents of a test community have no effect in production."""
    other = Community(["GT"], threshold=3)
    governance = load_governance([*bz.documents, *other.documents], bz.community)

    assert list(governance.nodes) == ["BZ"]
    assert [refused.error.code for refused in governance.problems] == ["document_community", "document_community"]
    with pytest.raises(DocumentInvalid, match="configured community"):
        load_governance(bz.documents, bytes(32))


def test_two_first_roots_are_refused_if_none_is_configured(bz: Community) -> None:
    """It is not known which one is meant."""
    with pytest.raises(DocumentInvalid) as error:
        load_governance([*bz.documents, *Community(threshold=3).documents])
    assert error.value.code == "root_ambiguous"


def test_without_documents_there_is_no_governance() -> None:
    """Without a ROOT nothing is trusted."""
    with pytest.raises(DocumentInvalid) as error:
        load_governance([])
    assert error.value.code == "root_missing"


def test_a_document_in_two_files_has_the_signatures_of_both() -> None:
    """Each trustee may return a file of its own."""
    community = Community()
    draft = document(NODE, "BZ", node_body(listed(keys_of("BZ"))), community.governance)
    parts = [signed(draft, community.governance, name) for name in ("BZ", "TR1", "TR3")]

    assert list(load_governance([*community.documents, *parts], community.community).nodes) == ["BZ"]


def test_two_documents_for_one_version_have_no_effect(bz: Community) -> None:
    """Files have no order, so no version of the id has effect."""
    first = signed(node_version(bz, node_body(listed(keys_of("BZ")))), bz.governance, "TR1", "TR2")
    second = signed(node_version(bz, node_body(listed(keys_of("BZ")), STREAMS[1:])), bz.governance, "TR1", "TR2")
    governance = load_governance([*bz.documents, first, second], bz.community)

    assert governance.nodes == {}
    assert governance.key(keys_of("BZ").keys[0].key_id) is None
    assert {refused.error.code for refused in governance.problems} == {"document_conflict"}


@pytest.mark.parametrize("data", [b"", b"\xc3\x01", b"text"], ids=["empty", "marker", "text"])
def test_bytes_that_are_not_a_document_are_a_problem(bz: Community, data: bytes) -> None:
    """It is listed as a problem, and the other documents have effect."""
    governance = load_governance([data, *bz.documents], bz.community)

    assert (problem(governance).index, problem(governance).error.code) == (0, "document_malformed")
    assert list(governance.nodes) == ["BZ"]
