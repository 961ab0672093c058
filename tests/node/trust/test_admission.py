"""Which documents have effect: whose signatures they need, and how versions follow each other."""

from typing import Any

import pytest
from msgspec import structs

from node.errors import UsageError
from node.limits import DAY_MS
from node.primitives import frame
from node.trust.governance import load_governance
from node.trust.signed_document import DocumentInvalid, parse
from schemas import types
from schemas.avro.codec import encode, sorted_set
from schemas.types import AgreementStatus, DocumentKind, KeyReason, KeyUse
from tests.support.community import (
    STREAMS,
    T0,
    YEAR,
    Community,
    agreement_body,
    clause,
    document,
    keys_of,
    listed,
    node_body,
    root_body,
    signed,
)
from tests.support.trust import changed_keys, node_version, problem, with_document

ROOT, NODE, AGREEMENT = DocumentKind.ROOT, DocumentKind.NODE, DocumentKind.AGREEMENT
NOW = T0 + 30 * DAY_MS


def test_the_first_root_needs_its_own_threshold() -> None:
    """A configured hash does not replace the signatures."""
    first = document(ROOT, "ROOT", root_body(threshold=2), None)
    with pytest.raises(DocumentInvalid, match="lacks signatures"):
        load_governance([signed(first, None, "TR1")], first.hash)


def test_a_later_root_needs_the_old_and_the_new_threshold() -> None:
    """The old trustees alone are not enough, nor the new ones alone."""
    community = Community()
    body = root_body(["TR2", "TR3", "TR4"], threshold=2)
    draft = document(ROOT, "ROOT", body, community.governance, version=2)

    assert len(with_document(community, draft, "TR1", "TR2").roots) == 1  # old 2, new 1
    assert len(with_document(community, draft, "TR3", "TR4").roots) == 1  # old 1, new 2
    assert len(with_document(community, draft, "TR2", "TR3").roots) == 2


def test_a_node_is_admitted_by_the_threshold_and_its_own_keys(bz: Community) -> None:
    """Its four keys are then known under its code."""
    governance = bz.governance

    assert governance.problems == ()
    for key in keys_of("BZ").keys:
        record = governance.key(key.key_id)
        assert record is not None
        assert (record.node, record.use, record.public) == ("BZ", key.use, key.public)
    assert governance.members(NOW) == ("BZ",)


@pytest.mark.parametrize(
    ("signers", "missing"),
    [
        (("TR1", "TR2"), ("BZ AGREE", "BZ CHECKPOINT", "BZ SEAL")),
        (("TR1", "BZ"), ("TR2", "TR3")),
        (("BZ",), ("TR1", "TR2", "TR3")),
    ],
)
def test_the_missing_signers_of_a_node_are_named(signers: tuple[str, ...], missing: tuple[str, ...]) -> None:
    """Signatures by its new signing keys, and by trustees up to the threshold."""
    community = Community()
    draft = document(NODE, "BZ", node_body(listed(keys_of("BZ"))), community.governance)
    governance = with_document(community, draft, *signers)

    assert governance.nodes == {}
    assert problem(governance).error.code == "signatures_missing"
    examined = community.governance.examine(parse(signed(draft, community.governance, *signers)))
    assert tuple(sorted(examined.missing)) == missing


def test_a_threshold_counts_signers_not_signatures() -> None:
    """A trustee that signs in two files is one signer."""
    community = Community()
    draft = document(NODE, "BZ", node_body(listed(keys_of("BZ"))), community.governance)
    first, second = signed(draft, community.governance, "TR1"), signed(draft, community.governance, "BZ", "TR1")

    assert load_governance([*community.documents, first, second], community.community).nodes == {}


def test_signatures_that_are_wrong_or_of_unknown_keys_are_ignored() -> None:
    """They do not count, and the other signatures still do."""
    community = Community()
    draft = document(NODE, "BZ", node_body(listed(keys_of("BZ"))), community.governance)
    good = parse(signed(draft, community.governance, "TR1", "TR2", "BZ"))
    noise = [
        types.DocumentSignature(key_id=keys_of("TR3").keys[0].key_id, signature=bytes(64)),
        types.DocumentSignature(key_id=bytes(32), signature=b"anything"),
    ]
    noisy = structs.replace(good.signed, signatures=sorted_set([*good.signed.signatures, *noise]))
    governance = load_governance([*community.documents, encode(noisy)], community.community)

    assert list(governance.nodes) == ["BZ"]
    checks = governance.examine(parse(encode(noisy))).signatures
    assert sorted((check.signer or "", check.valid) for check in checks if not check.valid) == [
        ("", False),
        ("TR3", False),
    ]


def test_a_trustee_with_a_compromised_key_no_longer_counts() -> None:
    """Nor under the older ROOT that lists it as good, because files have no order."""
    community = Community(["BZ"])
    trustees = [
        types.Trustee(id=trustee.id, key=structs.replace(trustee.key, reason=KeyReason.COMPROMISED, until=T0))
        if trustee.id == "TR1"
        else trustee
        for trustee in root_body().trustees
    ]
    body = structs.replace(root_body(), trustees=sorted_set(trustees))
    root = document(ROOT, "ROOT", body, community.governance, version=2)
    newer = signed(root, community.governance, "TR2", "TR3")
    governance = load_governance([*community.documents, newer], community.community)

    assert len(governance.roots) == 2
    assert governance.nodes == {}  # admitted by TR1 and TR2
    assert "TR3" in problem(governance).error.message


def test_a_revocation_needs_only_the_revoke_threshold(bz: Community) -> None:
    """It is urgent, and it grants nothing."""
    body = node_body(changed_keys("BZ", KeyUse.SEAL, until=NOW, reason=KeyReason.COMPROMISED))
    governance = with_document(bz, node_version(bz, body), "TR3")

    key = governance.key(keys_of("BZ").newest(KeyUse.SEAL).key_id)
    assert key is not None
    assert (key.until, key.reason) == (NOW, KeyReason.COMPROMISED)
    assert (key.valid_at(NOW - 1), key.valid_at(NOW)) == (True, False)


@pytest.mark.parametrize(
    ("body", "changes"),
    [
        (node_body(listed(keys_of("BZ")), STREAMS[:-1]), {}),
        (node_body(changed_keys("BZ", KeyUse.SEAL, until=NOW)), {"until": T0 + 2 * YEAR}),
        (node_body(changed_keys("BZ", KeyUse.SEAL, until=NOW)), {"from_": T0 - 1}),
    ],
    ids=["streams", "lives_longer", "begins_earlier"],
)
def test_every_other_change_needs_the_full_threshold(bz: Community, body: types.Node, changes: dict[str, Any]) -> None:
    """The revoke threshold is enough only to lower `until` and to set `reason`."""
    draft = node_version(bz, body, **changes)

    assert len(with_document(bz, draft, "TR1").nodes["BZ"]) == 1
    assert len(with_document(bz, draft, "TR1", "TR2").nodes["BZ"]) == 2


def test_only_the_full_threshold_takes_back_a_compromise(bz: Community) -> None:
    """To take back a revocation is not a revocation."""
    body = node_body(changed_keys("BZ", KeyUse.AGREE, until=NOW, reason=KeyReason.COMPROMISED))
    bz.documents.append(signed(node_version(bz, body), bz.governance, "TR3"))
    softer = node_body(changed_keys("BZ", KeyUse.AGREE, until=NOW, reason=KeyReason.SUPERSEDED))
    draft = node_version(bz, softer, version=3)

    assert len(with_document(bz, draft, "TR1").nodes["BZ"]) == 2
    assert len(with_document(bz, draft, "TR1", "TR2").nodes["BZ"]) == 3


@pytest.mark.parametrize(
    "body",
    [
        node_body(listed(keys_of("BZ"))[1:]),
        node_body(changed_keys("BZ", KeyUse.SEAL, from_=T0 - 1)),
    ],
    ids=["left_out", "from_moved"],
)
def test_a_listed_key_is_neither_removed_nor_moved(bz: Community, body: types.Node) -> None:
    """Old messages are verified with it."""
    governance = with_document(bz, node_version(bz, body), "TR1", "TR2", "TR3")

    assert problem(governance).error.code == "keys_changed"
    assert len(governance.nodes["BZ"]) == 1


@pytest.mark.parametrize("until", [None, NOW + 1])
def test_the_end_of_a_key_never_becomes_later(bz: Community, until: int | None) -> None:
    """It is not removed either."""
    ended = node_body(changed_keys("BZ", KeyUse.SEAL, until=NOW))
    bz.documents.append(signed(node_version(bz, ended), bz.governance, "TR1"))
    draft = node_version(bz, node_body(changed_keys("BZ", KeyUse.SEAL, until=until)), version=3)

    assert problem(with_document(bz, draft, "TR1", "TR2")).error.code == "keys_changed"


def test_a_version_needs_the_one_before_it(bz: Community) -> None:
    """Version 3 without version 2 has no effect."""
    second = signed(node_version(bz, node_body(listed(keys_of("BZ")))), bz.governance, "TR1", "TR2")
    with_second = load_governance([*bz.documents, second], bz.community)
    third = document(NODE, "BZ", node_body(listed(keys_of("BZ")), STREAMS[1:]), with_second, version=3)
    data = signed(third, with_second, "TR1", "TR2")

    assert len(load_governance([data, second, *bz.documents], bz.community).nodes["BZ"]) == 3
    assert problem(load_governance([*bz.documents, data], bz.community)).error.code == "document_version"


def test_a_version_names_the_hash_of_the_one_before_it(bz: Community) -> None:
    """Otherwise two histories could be joined."""
    draft = node_version(bz, node_body(listed(keys_of("BZ"))))
    other = structs.replace(draft.document, previous=bytes([1]) * 32)
    spliced = parse(encode(types.SignedDocument(document=encode(other), signatures=())))

    assert problem(with_document(bz, spliced, "TR1", "TR2")).error.code == "document_previous"


def test_a_node_names_an_installed_root(bz: Community) -> None:
    """The trustees of that ROOT sign it."""
    draft = node_version(bz, node_body(listed(keys_of("BZ"))))
    other = structs.replace(draft.document, root=bytes([1]) * 32)
    parsed = parse(encode(types.SignedDocument(document=encode(other), signatures=())))

    assert problem(load_governance([*bz.documents, encode(parsed.signed)], bz.community)).error.code == "document_root"


def test_an_agreement_that_lacks_a_party_is_not_in_force_and_is_explained(three: Community) -> None:
    """Other parties cannot bind a party that has not signed."""
    draft = document(AGREEMENT, "BZ-GT", agreement_body(["BZ", "GT"]), three.governance)
    governance = with_document(three, draft, "BZ")

    assert governance.clauses_in_force("BZ", "GT", NOW) == ()
    assert governance.agreement_by_hash(draft.hash) is None
    assert [version.missing for version in governance.agreements_between("BZ", "GT")] == [("GT",)]


def test_a_party_without_a_node_document_cannot_have_signed(three: Community) -> None:
    """The keys of such a party are not known here."""
    draft = document(AGREEMENT, "BZ-ES", agreement_body(["BZ", "ES"]), three.governance)

    assert three.governance.examine(draft).missing == ("BZ", "ES")
    with pytest.raises(UsageError, match="no key of ES counts"):
        signed(draft, three.governance, "ES")


def test_every_agree_key_that_is_not_compromised_counts(three: Community) -> None:
    """A superseded key counts. Without the compromised key the agreement is not in force."""
    three.agreement("BZ-GT", ["BZ", "GT"])
    in_force = []
    for reason in (KeyReason.SUPERSEDED, KeyReason.COMPROMISED):
        body = node_body(changed_keys("BZ", KeyUse.AGREE, until=T0 + 1, reason=reason))
        governance = with_document(three, node_version(three, body), "TR1")
        in_force.append(len(governance.clauses_in_force("BZ", "GT", NOW)))

    assert in_force == [1, 0]


def test_a_seal_key_does_not_count_for_an_agreement(three: Community) -> None:
    """Only an AGREE key counts."""
    draft = document(AGREEMENT, "BZ-GT", agreement_body(["BZ", "GT"]), three.governance)
    seal = keys_of("GT").newest(KeyUse.SEAL)
    data = frame("enlace/1 document", draft.signed.document)
    forged = types.DocumentSignature(key_id=seal.key_id, signature=seal.sign(data))
    part = parse(signed(draft, three.governance, "BZ"))
    both = structs.replace(part.signed, signatures=sorted_set([*part.signed.signatures, forged]))

    assert load_governance([*three.documents, encode(both)]).clauses_in_force("BZ", "GT", NOW) == ()


@pytest.mark.parametrize("status", [AgreementStatus.SUSPENDED, AgreementStatus.ENDED])
def test_one_party_alone_may_stop_an_agreement(three: Community, status: AgreementStatus) -> None:
    """It stops at its `from`. All parties must sign to resume it."""
    three.agreement("BZ-GT", ["BZ", "GT"])
    three.agreement("BZ-GT", ["BZ", "GT"], status=status, version=2, from_=NOW, signers=["GT"])
    governance = three.governance

    assert [len(governance.clauses_in_force("BZ", "GT", t)) for t in (NOW - 1, NOW)] == [1, 0]
    draft = document(AGREEMENT, "BZ-GT", agreement_body(["BZ", "GT"]), governance, version=3, from_=NOW + 1)
    assert with_document(three, draft, "GT").clauses_in_force("BZ", "GT", NOW + 1) == ()
    assert len(with_document(three, draft, "BZ", "GT").clauses_in_force("BZ", "GT", NOW + 1)) == 1


@pytest.mark.parametrize(
    "body",
    [
        agreement_body(["BZ", "GT"], clause(["GT"], ["BZ"]), status=AgreementStatus.SUSPENDED),
        agreement_body(["BZ", "GT", "MX"], clause(["BZ", "GT"], ["BZ", "GT"]), status=AgreementStatus.ENDED),
        agreement_body(["BZ", "GT"]),
    ],
    ids=["clauses", "parties", "status_kept"],
)
def test_one_party_alone_cannot_change_anything_else(three: Community, body: types.Agreement) -> None:
    """Only the status of the body may differ."""
    three.agreement("BZ-GT", ["BZ", "GT"])
    draft = document(AGREEMENT, "BZ-GT", body, three.governance, version=2, from_=NOW)
    governance = with_document(three, draft, "BZ")

    assert problem(governance).error.code == "signatures_missing"
    assert len(governance.clauses_in_force("BZ", "GT", NOW)) == 1


def test_a_node_that_is_not_a_party_cannot_stop_an_agreement(three: Community) -> None:
    """The signature of a node that is not a party does not count."""
    three.agreement("BZ-GT", ["BZ", "GT"])
    body = agreement_body(["BZ", "GT"], status=AgreementStatus.ENDED)
    draft = document(AGREEMENT, "BZ-GT", body, three.governance, version=2, from_=NOW)

    assert three.governance.examine(draft).missing == ("BZ", "GT")


def test_no_node_can_take_over_an_agreement(three: Community) -> None:
    """The parties of the version before sign too. Otherwise MX alone could end the agreement of BZ and GT."""
    three.agreement("BZ-GT", ["BZ", "GT"])
    draft = document(AGREEMENT, "BZ-GT", agreement_body(["MX"]), three.governance, version=2, from_=NOW)
    governance = with_document(three, draft, "MX")

    assert len(governance.clauses_in_force("BZ", "GT", NOW)) == 1
    assert three.governance.examine(draft).missing == ("BZ", "GT", "MX")
