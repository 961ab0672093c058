"""Documents of a community in any order: which community, duplicates and conflicts."""

import pytest

from node.errors import UsageError
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


@pytest.mark.parametrize("takers", [["MX"], ["GT"], ["GT", "MX"]], ids=["a stranger", "a party", "both"])
@pytest.mark.parametrize("version", [1, 2])
def test_an_agreement_of_others_under_the_same_id_takes_no_effect_from_it(takers: list[str], version: int) -> None:
    """Nobody owns an id, so one member must not end an agreement by signing its id. Both have their own versions."""
    community = Community(["BZ", "GT", "MX"])
    other = Community.of(community.documents, community.community)
    agreed = community.agreement("BZ-GT", ("BZ", "GT"))
    for number in range(1, version + 1):
        taken = other.agreement("BZ-GT", takers, version=number, from_=T0 + number * DAY_MS)
    for documents in ([*community.documents, *other.documents], [*other.documents, *community.documents]):
        governance = load_governance(documents, community.community)

        assert governance.problems == ()
        found = [governance.agreement_by_hash(hash_) for hash_ in (agreed, taken)]
        assert [version and version.in_force(NOW) for version in found] == [True, True]
        assert set(governance.agreements) == {"BZ-GT of BZ, GT", f"BZ-GT of {', '.join(takers)}"}


def test_each_agreement_under_an_id_goes_on_for_itself() -> None:
    """The next version names the one before it; a version 1 of the same parties again is refused."""
    community = Community(["BZ", "GT", "MX"])
    community.agreement("BZ-GT", ("BZ", "GT"))
    community.agreement("BZ-GT", ("MX",))
    community.agreement("BZ-GT", ("BZ", "GT", "MX"), version=2)
    governance = community.governance

    assert governance.problems == ()
    assert [len(governance.agreements[name]) for name in ("BZ-GT of BZ, GT", "BZ-GT of MX")] == [2, 1]
    with pytest.raises(UsageError, match="the next version of AGREEMENT BZ-GT is 2, not 1"):
        community.agreement("BZ-GT", ("MX",))


@pytest.mark.parametrize("data", [b"", b"\xc3\x01", b"text"], ids=["empty", "marker", "text"])
def test_bytes_that_are_not_a_document_are_a_problem(bz: Community, data: bytes) -> None:
    """It is listed as a problem, and the other documents have effect."""
    governance = load_governance([data, *bz.documents], bz.community)

    assert (problem(governance).index, problem(governance).error.code) == (0, "document_malformed")
    assert list(governance.nodes) == ["BZ"]
