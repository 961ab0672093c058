"""Which documents have effect, and what governance answers."""

from collections.abc import Iterable
from typing import Any

import pytest
from msgspec import structs

from broker.streams import REGISTRY
from node.errors import UsageError
from node.limits import DAY_MS
from node.primitives import frame
from node.trust.document_set import DocumentProblem
from node.trust.governance import Governance, load_governance
from node.trust.signed_document import DocumentInvalid, ParsedDocument, parse
from schemas import types
from schemas.avro.codec import encode, sorted_set
from schemas.types import AgreementStatus, ClauseReference, DocumentKind, KeyReason, KeyUse
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

ROOT, NODE, AGREEMENT = DocumentKind.ROOT, DocumentKind.NODE, DocumentKind.AGREEMENT
NOW = T0 + 30 * DAY_MS


@pytest.fixture
def bz() -> Community:
    """A community whose one node is BZ."""
    return Community(["BZ"])


@pytest.fixture
def three() -> Community:
    """BZ, GT and MX."""
    return Community(["BZ", "GT", "MX"])


def problem(governance: Governance) -> DocumentProblem:
    """The only one."""
    assert len(governance.problems) == 1, governance.problems
    return governance.problems[0]


def with_document(community: Community, parsed: ParsedDocument, *signers: str) -> Governance:
    """The governance with one document more."""
    return load_governance([*community.documents, signed(parsed, community.governance, *signers)], community.community)


def changed_keys(name: str, use: KeyUse, **changes: Any) -> tuple[types.Key, ...]:
    """The keys of a node as listed, one of them changed."""
    return tuple(structs.replace(key, **changes) if key.use is use else key for key in listed(keys_of(name)))


def node_version(community: Community, body: types.Node, **changes: Any) -> ParsedDocument:
    """Version 2 of BZ."""
    return document(NODE, "BZ", body, community.governance, **({"version": 2, "from_": T0 + DAY_MS} | changes))


# The community and its ROOTs


def test_the_community_is_the_hash_of_the_first_root() -> None:
    """Configured by hand, or the only one there."""
    community = Community()

    assert load_governance(community.documents).community == community.community
    assert load_governance(community.documents, community.community).community == community.community


def test_another_community_is_refused(bz: Community) -> None:
    """Documents of a test bed mean nothing in production."""
    other = Community(["GT"], threshold=3)
    governance = load_governance([*bz.documents, *other.documents], bz.community)

    assert list(governance.nodes) == ["BZ"]
    assert [item.error.code for item in governance.problems] == ["document_community", "document_community"]
    with pytest.raises(DocumentInvalid, match="configured community"):
        load_governance(bz.documents, bytes(32))


def test_two_first_roots_are_refused_if_none_is_configured(bz: Community) -> None:
    """Nothing says which one is meant."""
    with pytest.raises(DocumentInvalid) as error:
        load_governance([*bz.documents, *Community(threshold=3).documents])
    assert error.value.code == "root_ambiguous"


def test_no_document_is_no_governance() -> None:
    """It fails closed."""
    with pytest.raises(DocumentInvalid) as error:
        load_governance([])
    assert error.value.code == "root_missing"


def test_the_first_root_needs_its_own_threshold() -> None:
    """Even if its hash is configured."""
    first = document(ROOT, "ROOT", root_body(threshold=2), None)
    with pytest.raises(DocumentInvalid, match="lacks signatures"):
        load_governance([signed(first, None, "TR1")], first.hash)


def test_a_later_root_needs_the_old_and_the_new_threshold() -> None:
    """Neither the old trustees alone nor the new ones."""
    community = Community()
    body = root_body(["TR2", "TR3", "TR4"], threshold=2)
    draft = document(ROOT, "ROOT", body, community.governance, version=2)

    assert len(with_document(community, draft, "TR1", "TR2").roots) == 1  # old 2, new 1
    assert len(with_document(community, draft, "TR3", "TR4").roots) == 1  # old 1, new 2
    assert len(with_document(community, draft, "TR2", "TR3").roots) == 2


@pytest.mark.parametrize(("threshold", "revoke"), [(0, 1), (4, 1), (2, 0), (2, 4)])
def test_thresholds_lie_between_one_and_the_number_of_trustees(threshold: int, revoke: int) -> None:
    """A threshold of none would admit anybody, one above the number nobody."""
    with pytest.raises(UsageError):
        document(ROOT, "ROOT", root_body(threshold=threshold, revoke_threshold=revoke), None)


def test_two_trustees_with_one_key_are_refused() -> None:
    """They would be one signer that counts twice."""
    key = listed(keys_of("TR1"))[0]
    body = structs.replace(
        root_body(), trustees=sorted_set([types.Trustee(id="TR1", key=key), types.Trustee(id="TR2", key=key)])
    )
    with pytest.raises(DocumentInvalid, match="the same key"):
        document(ROOT, "ROOT", body, None)


def test_a_trustee_signs_with_an_agree_key() -> None:
    """No other use."""
    key = listed(keys_of("BZ"))[0]
    with pytest.raises(DocumentInvalid, match="AGREE"):
        document(
            ROOT, "ROOT", structs.replace(root_body(), trustees=(types.Trustee(id="TR1", key=key),), threshold=1), None
        )


# NODE documents


def test_a_node_is_admitted_by_the_threshold_and_its_own_keys(bz: Community) -> None:
    """All four keys are known afterwards, under the node's name."""
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
def test_a_node_lacks_whom_it_lacks(signers: tuple[str, ...], missing: tuple[str, ...]) -> None:
    """Possession of each new signing key, and the threshold."""
    community = Community()
    draft = document(NODE, "BZ", node_body(listed(keys_of("BZ"))), community.governance)
    governance = with_document(community, draft, *signers)

    assert governance.nodes == {}
    assert problem(governance).error.code == "signatures_missing"
    examined = community.governance.examine(parse(signed(draft, community.governance, *signers)))
    assert tuple(sorted(examined.missing)) == missing


def test_a_threshold_counts_signers_not_signatures() -> None:
    """One trustee that signs in two files is one signer."""
    community = Community()
    draft = document(NODE, "BZ", node_body(listed(keys_of("BZ"))), community.governance)
    one, other = signed(draft, community.governance, "TR1"), signed(draft, community.governance, "BZ", "TR1")

    assert load_governance([*community.documents, one, other], community.community).nodes == {}


def test_a_document_in_two_files_has_the_signatures_of_both() -> None:
    """Trustees far apart may each return a file."""
    community = Community()
    draft = document(NODE, "BZ", node_body(listed(keys_of("BZ"))), community.governance)
    parts = [signed(draft, community.governance, name) for name in ("BZ", "TR1", "TR3")]

    assert list(load_governance([*community.documents, *parts], community.community).nodes) == ["BZ"]


def test_signatures_that_are_wrong_or_of_unknown_keys_are_ignored() -> None:
    """They neither count nor spoil the others."""
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


def test_a_trustee_whose_key_is_compromised_counts_no_more() -> None:
    """Also under the older ROOT that still lists it as good: files carry no order."""
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


def test_a_revocation_needs_the_revoke_threshold_only(bz: Community) -> None:
    """It is urgent, and it gives nobody anything."""
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
        (node_body([*listed(keys_of("BZ")), listed(keys_of("GT"))[3]]), {}),
    ],
    ids=["streams", "lives_longer", "begins_earlier", "new_encrypt_key"],
)
def test_whatever_else_changes_needs_the_full_threshold(
    bz: Community, body: types.Node, changes: dict[str, Any]
) -> None:
    """The revoke threshold is for lowering `until` and setting `reason`."""
    draft = node_version(bz, body, **changes)

    assert len(with_document(bz, draft, "TR1").nodes["BZ"]) == 1
    assert len(with_document(bz, draft, "TR1", "TR2").nodes["BZ"]) == 2


def test_a_compromised_key_is_made_good_by_the_full_threshold_only(bz: Community) -> None:
    """Taking a revocation back is no revocation."""
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
def test_a_listed_key_stays_as_it_is(bz: Community, body: types.Node) -> None:
    """Old messages have to be judged by it."""
    governance = with_document(bz, node_version(bz, body), "TR1", "TR2", "TR3")

    assert problem(governance).error.code == "keys_changed"
    assert len(governance.nodes["BZ"]) == 1


@pytest.mark.parametrize("until", [None, NOW + 1])
def test_the_end_of_a_key_never_goes_up(bz: Community, until: int | None) -> None:
    """Nor away."""
    ended = node_body(changed_keys("BZ", KeyUse.SEAL, until=NOW))
    bz.documents.append(signed(node_version(bz, ended), bz.governance, "TR1"))
    draft = node_version(bz, node_body(changed_keys("BZ", KeyUse.SEAL, until=until)), version=3)

    assert problem(with_document(bz, draft, "TR1", "TR2")).error.code == "keys_changed"


def test_compromised_says_since_when() -> None:
    """Without `until` nothing would follow from it."""
    community = Community()
    body = node_body(changed_keys("BZ", KeyUse.SEAL, reason=KeyReason.COMPROMISED))
    with pytest.raises(DocumentInvalid, match="since when"):
        document(NODE, "BZ", body, community.governance)


def test_a_bad_key_is_refused_at_each_load() -> None:
    """Not only when the document is made."""
    community = Community()
    body = node_body(changed_keys("BZ", KeyUse.SEAL, public=b"\1" + bytes(31)))
    good = document(NODE, "BZ", node_body(listed(keys_of("BZ"))), community.governance)
    raw = types.SignedDocument(
        document=encode(structs.replace(good.document, body=encode(body))), signatures=good.signed.signatures
    )
    governance = load_governance([*community.documents, encode(raw)], community.community)

    assert problem(governance).error.code == "key_unsafe"


@pytest.mark.parametrize("stream", ["governance", "intel", "intel.", "other", "keys.bz"])
def test_a_node_writes_streams_of_the_list_only(stream: str) -> None:
    """Never `governance`."""
    community = Community()
    with pytest.raises(UsageError):
        document(NODE, "BZ", node_body(listed(keys_of("BZ")), [stream]), community.governance)


@pytest.mark.parametrize("name", [REGISTRY, "B", "bz", "1Z"])
def test_a_node_is_called_by_a_code_that_is_not_the_registrys(name: str) -> None:
    """`[A-Z][A-Z0-9]{1,15}`."""
    community = Community()
    with pytest.raises(DocumentInvalid) as error:
        document(NODE, name, node_body(listed(keys_of("BZ"))), community.governance)
    assert error.value.code == "document_id"


def test_a_version_needs_the_one_before_it(bz: Community) -> None:
    """Version 3 without version 2 has no effect."""
    second = signed(node_version(bz, node_body(listed(keys_of("BZ")))), bz.governance, "TR1", "TR2")
    with_second = load_governance([*bz.documents, second], bz.community)
    third = document(NODE, "BZ", node_body(listed(keys_of("BZ")), STREAMS[1:]), with_second, version=3)
    data = signed(third, with_second, "TR1", "TR2")

    assert len(load_governance([data, second, *bz.documents], bz.community).nodes["BZ"]) == 3
    assert problem(load_governance([*bz.documents, data], bz.community)).error.code == "document_version"


def test_a_version_names_the_hash_of_the_one_before_it(bz: Community) -> None:
    """Or two histories could be spliced."""
    draft = node_version(bz, node_body(listed(keys_of("BZ"))))
    other = structs.replace(draft.document, previous=bytes([1]) * 32)
    spliced = parse(encode(types.SignedDocument(document=encode(other), signatures=())))

    assert problem(with_document(bz, spliced, "TR1", "TR2")).error.code == "document_previous"


def test_two_documents_for_one_version_cancel_each_other(bz: Community) -> None:
    """In files nothing says which came first: the id fails closed."""
    one = signed(node_version(bz, node_body(listed(keys_of("BZ")))), bz.governance, "TR1", "TR2")
    other = signed(node_version(bz, node_body(listed(keys_of("BZ")), STREAMS[1:])), bz.governance, "TR1", "TR2")
    governance = load_governance([*bz.documents, one, other], bz.community)

    assert governance.nodes == {}
    assert governance.key(keys_of("BZ").keys[0].key_id) is None
    assert {item.error.code for item in governance.problems} == {"document_conflict"}


def test_a_node_names_an_installed_root(bz: Community) -> None:
    """Its signatures count under that ROOT."""
    draft = node_version(bz, node_body(listed(keys_of("BZ"))))
    other = structs.replace(draft.document, root=bytes([1]) * 32)
    parsed = parse(encode(types.SignedDocument(document=encode(other), signatures=())))

    assert problem(load_governance([*bz.documents, encode(parsed.signed)], bz.community)).error.code == "document_root"


@pytest.mark.parametrize("data", [b"", b"\xc3\x01", b"text"], ids=["empty", "marker", "text"])
def test_a_file_that_is_no_document_is_named(bz: Community, data: bytes) -> None:
    """Never skipped silently, and the others count."""
    governance = load_governance([data, *bz.documents], bz.community)

    assert (problem(governance).index, problem(governance).error.code) == (0, "document_malformed")
    assert list(governance.nodes) == ["BZ"]


# At a time


def test_a_document_holds_from_its_from_until_before_its_until(bz: Community) -> None:
    """Boundary instants: the first belongs to it, the last does not."""
    governance = bz.governance

    assert governance.node_at("BZ", T0 - 1) is None
    assert [governance.node_valid("BZ", t) for t in (T0 - 1, T0, T0 + YEAR - 1, T0 + YEAR)] == [
        False,
        True,
        True,
        False,
    ]
    assert governance.node_at("BZ", T0 + YEAR) is not None  # the document of that time, past its until


def test_the_highest_version_begun_counts(bz: Community) -> None:
    """Keys come from the newest one at once, streams from the one of the time."""
    body = node_body(changed_keys("BZ", KeyUse.SEAL, until=NOW + 1), STREAMS[:-1])
    bz.documents.append(signed(node_version(bz, body, from_=NOW), bz.governance, "TR1", "TR2"))
    governance = bz.governance

    assert [governance.may_write("BZ", "receipts", t) for t in (T0 - 1, NOW - 1, NOW)] == [False, True, False]
    key = governance.key(keys_of("BZ").newest(KeyUse.SEAL).key_id)
    assert key is not None
    assert key.until == NOW + 1


def test_a_higher_version_counts_even_past_its_until(bz: Community) -> None:
    """It fails closed rather than fall back to the one before."""
    short = node_version(bz, node_body(listed(keys_of("BZ"))), until=NOW)
    bz.documents.append(signed(short, bz.governance, "TR1", "TR2"))

    assert not bz.governance.node_valid("BZ", NOW)


def test_the_registry_writes_its_two_streams() -> None:
    """By its name; its keys stand in ROOT."""
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


def test_encrypt_keys_are_those_valid_of_a_valid_node(bz: Community) -> None:
    """Two while a rotation overlaps, none once the document has expired."""
    more = keys_of("BZ").with_new(KeyUse.ENCRYPT)
    old, new = [key for key in listed(more) if key.use is KeyUse.ENCRYPT]
    others = [key for key in listed(keys_of("BZ")) if key.use is not KeyUse.ENCRYPT]
    rotated = [*others, structs.replace(old, until=NOW + 1), structs.replace(new, from_=NOW)]
    bz.documents.append(signed(node_version(bz, node_body(rotated)), bz.governance, "TR1", "TR2"))
    governance = bz.governance

    assert [len(governance.encrypt_keys("BZ", t)) for t in (NOW - 1, NOW, NOW + 1, T0 + YEAR)] == [1, 2, 1, 0]
    assert governance.encrypt_keys("ES", NOW) == ()


# Agreements


def test_an_agreement_signed_by_all_is_in_force_between_its_dates(three: Community) -> None:
    """From <= t < until."""
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


def test_a_clause_goes_from_whom_to_whom_it_says(three: Community) -> None:
    """Not back, not to another party, not to oneself."""
    three.agreement("ALL", ["BZ", "GT", "MX"], clause(["BZ", "GT"], ["GT"]))
    governance = three.governance

    pairs = [(one, other) for one in ("BZ", "GT", "MX") for other in ("BZ", "GT", "MX")]
    assert [pair for pair in pairs if governance.clauses_in_force(*pair, NOW)] == [("BZ", "GT")]


def test_a_clause_names_parties_only(three: Community) -> None:
    """In `from` and in `to`."""
    for strange in (clause(["ES"], ["GT"]), clause(["BZ"], ["ES"])):
        with pytest.raises(DocumentInvalid) as error:
            document(AGREEMENT, "X", agreement_body(["BZ", "GT"], strange), three.governance)
        assert error.value.code == "party_unknown"


def test_an_agreement_that_lacks_a_party_is_not_in_force_and_is_explained(three: Community) -> None:
    """Nobody is bound by what others signed."""
    draft = document(AGREEMENT, "BZ-GT", agreement_body(["BZ", "GT"]), three.governance)
    governance = with_document(three, draft, "BZ")

    assert governance.clauses_in_force("BZ", "GT", NOW) == ()
    assert governance.agreement_by_hash(draft.hash) is None
    assert [version.missing for version in governance.agreements_between("BZ", "GT")] == [("GT",)]


def test_a_party_without_a_node_document_cannot_have_signed(three: Community) -> None:
    """Its keys are not known here."""
    draft = document(AGREEMENT, "BZ-ES", agreement_body(["BZ", "ES"]), three.governance)

    assert three.governance.examine(draft).missing == ("BZ", "ES")
    with pytest.raises(UsageError, match="no key of ES counts"):
        signed(draft, three.governance, "ES")


def test_any_agree_key_signs_that_is_not_compromised(three: Community) -> None:
    """Superseded ones count, compromised ones make the agreement fall."""
    three.agreement("BZ-GT", ["BZ", "GT"])
    in_force = []
    for reason in (KeyReason.SUPERSEDED, KeyReason.COMPROMISED):
        body = node_body(changed_keys("BZ", KeyUse.AGREE, until=T0 + 1, reason=reason))
        governance = with_document(three, node_version(three, body), "TR1")
        in_force.append(len(governance.clauses_in_force("BZ", "GT", NOW)))

    assert in_force == [1, 0]


def test_a_seal_key_signs_no_agreement(three: Community) -> None:
    """Only an AGREE key does."""
    draft = document(AGREEMENT, "BZ-GT", agreement_body(["BZ", "GT"]), three.governance)
    seal = keys_of("GT").newest(KeyUse.SEAL)
    data = frame("enlace/1 document", draft.signed.document)
    forged = types.DocumentSignature(key_id=seal.key_id, signature=seal.sign(data))
    part = parse(signed(draft, three.governance, "BZ"))
    both = structs.replace(part.signed, signatures=sorted_set([*part.signed.signatures, forged]))

    assert load_governance([*three.documents, encode(both)]).clauses_in_force("BZ", "GT", NOW) == ()


@pytest.mark.parametrize("status", [AgreementStatus.SUSPENDED, AgreementStatus.ENDED])
def test_one_party_alone_may_stop_an_agreement(three: Community, status: AgreementStatus) -> None:
    """From the moment it says; going on again needs all."""
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
def test_one_party_alone_changes_nothing_else(three: Community, body: types.Agreement) -> None:
    """The body but for its status stays."""
    three.agreement("BZ-GT", ["BZ", "GT"])
    draft = document(AGREEMENT, "BZ-GT", body, three.governance, version=2, from_=NOW)
    governance = with_document(three, draft, "BZ")

    assert problem(governance).error.code == "signatures_missing"
    assert len(governance.clauses_in_force("BZ", "GT", NOW)) == 1


def test_a_stranger_alone_stops_nothing(three: Community) -> None:
    """A signature by someone who is no party does not count."""
    three.agreement("BZ-GT", ["BZ", "GT"])
    body = agreement_body(["BZ", "GT"], status=AgreementStatus.ENDED)
    draft = document(AGREEMENT, "BZ-GT", body, three.governance, version=2, from_=NOW)

    assert three.governance.examine(draft).missing == ("BZ", "GT")


def test_nobody_takes_an_agreement_over(three: Community) -> None:
    """The parties of the version before sign too; otherwise MX alone could end what BZ and GT agreed."""
    three.agreement("BZ-GT", ["BZ", "GT"])
    draft = document(AGREEMENT, "BZ-GT", agreement_body(["MX"]), three.governance, version=2, from_=NOW)
    governance = with_document(three, draft, "MX")

    assert len(governance.clauses_in_force("BZ", "GT", NOW)) == 1
    assert three.governance.examine(draft).missing == ("BZ", "GT", "MX")


def test_a_later_version_takes_the_place_of_the_earlier_from_its_from(three: Community) -> None:
    """Never both; and it fails closed when the later one ends first."""
    first = three.agreement("BZ-GT", ["BZ", "GT"])
    second = three.agreement("BZ-GT", ["BZ", "GT"], version=2, from_=NOW, until=NOW + DAY_MS)
    governance = three.governance

    def hashes(t: int) -> list[bytes]:
        return [version.hash for version, _ in governance.clauses_in_force("BZ", "GT", t)]

    assert [hashes(t) for t in (NOW - 1, NOW, NOW + DAY_MS)] == [[first], [second], []]


def test_an_agreement_without_parties_is_refused(three: Community) -> None:
    """It would be signed by all of nobody."""
    with pytest.raises(UsageError):
        document(AGREEMENT, "NONE", agreement_body([]), three.governance)


def test_looking_up_clauses_does_not_depend_on_the_other_agreements(three: Community) -> None:
    """The answer for a pair is indexed: it comes from its own agreements alone."""
    three.agreement("BZ-GT", ["BZ", "GT"])
    three.agreement("GT-MX", ["GT", "MX"])
    governance = three.governance

    def ids(versions: Iterable[Any]) -> list[str]:
        return [version.id for version in versions]

    assert ids(version for version, _ in governance.clauses_in_force("BZ", "GT", NOW)) == ["BZ-GT"]
    assert ids(governance.agreements_between("GT", "MX")) == ["GT-MX"]
    assert ids(governance.agreements_between("BZ", "MX")) == []
