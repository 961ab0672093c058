"""What one document must satisfy, without any other document."""

import pytest
from msgspec import structs

from broker.streams import REGISTRY
from node.errors import UsageError
from node.limits import DAY_MS
from node.sealing.private_keys import PrivateKeys
from node.trust import signed_document
from node.trust.governance import load_governance
from node.trust.signed_document import DocumentInvalid
from schemas import types
from schemas.avro.codec import encode, sorted_set
from schemas.types import DocumentKind, KeyReason, KeyUse
from tests.support.community import (
    T0,
    Community,
    agreement_body,
    clause,
    document,
    keys_of,
    listed,
    node_body,
    root_body,
)
from tests.support.trust import changed_keys, node_version, problem

ROOT, NODE, AGREEMENT = DocumentKind.ROOT, DocumentKind.NODE, DocumentKind.AGREEMENT
NOW = T0 + 30 * DAY_MS


@pytest.mark.parametrize(("threshold", "revoke"), [(0, 1), (4, 1), (2, 0), (2, 4)])
def test_thresholds_are_between_one_and_the_number_of_trustees(threshold: int, revoke: int) -> None:
    """A threshold of 0 would admit every node, and one above the number of trustees none."""
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


def test_the_key_of_a_trustee_is_an_agree_key() -> None:
    """A key of another use is refused."""
    key = listed(keys_of("BZ"))[0]
    with pytest.raises(DocumentInvalid, match="AGREE"):
        document(
            ROOT, "ROOT", structs.replace(root_body(), trustees=(types.Trustee(id="TR1", key=key),), threshold=1), None
        )


def test_a_compromised_key_needs_until() -> None:
    """Without `until` it would have no effect."""
    community = Community()
    body = node_body(changed_keys("BZ", KeyUse.SEAL, reason=KeyReason.COMPROMISED))
    with pytest.raises(DocumentInvalid, match="since when"):
        document(NODE, "BZ", body, community.governance)


@pytest.mark.parametrize("stream", ["governance", "intel", "intel.", "other", "keys.bz"])
def test_a_node_writes_only_streams_of_nodes(stream: str) -> None:
    """`governance` is not in the list."""
    community = Community()
    with pytest.raises(UsageError):
        document(NODE, "BZ", node_body(listed(keys_of("BZ")), [stream]), community.governance)


@pytest.mark.parametrize("name", [REGISTRY, "B", "bz", "1Z"])
def test_the_id_of_a_node_is_a_code_other_than_the_registrys(name: str) -> None:
    """`[A-Z][A-Z0-9]{1,15}`."""
    community = Community()
    with pytest.raises(DocumentInvalid) as error:
        document(NODE, name, node_body(listed(keys_of("BZ"))), community.governance)
    assert error.value.code == "document_id"


def test_a_clause_names_only_parties(three: Community) -> None:
    """Both in `from` and in `to`."""
    for strange in (clause(["ES"], ["GT"]), clause(["BZ"], ["ES"])):
        with pytest.raises(DocumentInvalid) as error:
            document(AGREEMENT, "X", agreement_body(["BZ", "GT"], strange), three.governance)
        assert error.value.code == "party_unknown"


def test_an_agreement_without_parties_is_refused(three: Community) -> None:
    """No signature would be missing, so it would be in force without any."""
    with pytest.raises(UsageError):
        document(AGREEMENT, "NONE", agreement_body([]), three.governance)


def test_a_bad_key_is_refused_at_each_load() -> None:
    """The check does not happen only when the document is made."""
    community = Community()
    body = node_body(changed_keys("BZ", KeyUse.SEAL, public=b"\1" + bytes(31)))
    good = document(NODE, "BZ", node_body(listed(keys_of("BZ"))), community.governance)
    raw = types.SignedDocument(
        document=encode(structs.replace(good.document, body=encode(body))), signatures=good.signed.signatures
    )
    governance = load_governance([*community.documents, encode(raw)], community.community)

    assert problem(governance).error.code == "key_unsafe"


def seal_keys(*times: tuple[int, int | None]) -> tuple[types.Key, ...]:
    """SEAL keys, each valid from a time until a time."""
    made = [listed(PrivateKeys.generate("BZ", (KeyUse.SEAL,)))[0] for _ in times]
    return tuple(structs.replace(key, from_=begin, until=end) for key, (begin, end) in zip(made, times, strict=True))


@pytest.mark.parametrize(
    ("times", "few"),
    [
        ([(T0, None)] * 4, True),
        ([(T0, None)] * 5, False),
        ([(T0, NOW)] * 4 + [(NOW, None)] * 4, True),
        ([(T0, NOW + 1)] * 4 + [(NOW, None)], False),
        ([(T0, T0)] * 9, True),
    ],
    ids=["four", "five", "four after four", "a moment together", "never valid"],
)
def test_few_keys_of_one_use_are_valid_at_the_same_time(times: list[tuple[int, int | None]], few: bool) -> None:
    """Each recipient has an entry for each ENCRYPT key, in every grant of every originator."""
    body = node_body([*(key for key in listed(keys_of("BZ")) if key.use is not KeyUse.SEAL), *seal_keys(*times)])
    if few:
        assert document(NODE, "BZ", body, Community().governance)
        return
    with pytest.raises(DocumentInvalid) as error:
        document(NODE, "BZ", body, Community().governance)

    assert (error.value.code, error.value.path) == ("keys_too_many", "keys.SEAL")


def test_a_version_with_too_many_keys_leaves_the_version_before_in_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    """No originator stops because of a document that another node installed."""
    community = Community(["BZ"])
    keys = [*listed(keys_of("BZ")), *(key for number in range(151) for key in encrypt_keys(number))]
    with monkeypatch.context() as unlimited:
        unlimited.setattr(signed_document, "VALID_KEYS_OF_A_USE_MAX", 1000)
        draft = node_version(community, node_body(keys))
    governance = load_governance([*community.documents, encode(draft.signed)], community.community)

    assert problem(governance).error.code == "keys_too_many"
    assert len(governance.encrypt_keys("BZ", NOW)) == 1


def encrypt_keys(number: int) -> tuple[types.Key, ...]:
    """One ENCRYPT key that no other number has."""
    key = next(key for key in listed(keys_of("GT")) if key.use is KeyUse.ENCRYPT)
    return (structs.replace(key, public=key.public[:1150] + number.to_bytes(2, "big") + key.public[1152:]),)
