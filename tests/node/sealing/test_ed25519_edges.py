"""Edge cases of Ed25519: keys and signatures on which libraries disagree, and the result here.

The cases of ed25519-speccheck ("Taming the many EdDSAs", 2020) are outside the repository, in the folder `ENLACE_DATA`.
"""

import json

import pytest
from msgspec import structs

from node.limits import SUITE
from node.sealing import edwards25519
from node.sealing.public_keys import (
    SMALL_ORDER,
    BadKey,
    check_public,
    verify_ed25519,
)
from node.trust import signed_document
from node.trust.governance import load_governance
from node.trust.signed_document import DocumentInvalid
from schemas import types
from schemas.avro.codec import encode
from schemas.types import DocumentKind, KeyUse
from tests.node.sealing.test_public_keys import BASE_POINT, point
from tests.node.sealing.test_public_keys import encode as encoded
from tests.support.community import (
    Community,
    document,
    keys_of,
    listed,
    node_body,
    root_body,
)
from tests.support.data import DATA

SPECCHECK = DATA / "ed25519-speccheck" / "cases.json"

# Keys.

TORSION = sorted(encoding for encoding in SMALL_ORDER if edwards25519.decode(encoding) is not None)
UNSAFE: dict[str, bytes] = {
    **{f"small order {encoding.hex()[:4]}..{encoding.hex()[-2:]}": encoding for encoding in sorted(SMALL_ORDER)},
    **{
        f"base point and {low.hex()[:4]}..{low.hex()[-2:]}": encoded(edwards25519.add(point(BASE_POINT), point(low)))
        for low in TORSION
        if not edwards25519.is_identity(point(low))
    },
    **{
        f"y is p + {extra}, sign {sign}": (edwards25519.P + extra | sign << 255).to_bytes(32, "little")
        for extra in range(19)
        for sign in (0, 1)
    },
}
"""All 14 encodings of small order, the seven kinds of mixed order, and all 38 encodings with y not reduced."""


def test_the_list_of_unsafe_keys_is_complete() -> None:
    assert len(SMALL_ORDER) == 14
    assert len(TORSION) == 8
    assert len(UNSAFE) == 14 + 7 + 38


@pytest.mark.parametrize("use", [KeyUse.SEAL, KeyUse.AGREE])
@pytest.mark.parametrize("public", UNSAFE.values(), ids=UNSAFE)
def test_an_unsafe_key_is_refused_at_registration(public: bytes, use: KeyUse) -> None:
    with pytest.raises(BadKey) as error:
        check_public(use, SUITE, public)
    assert error.value.code == "key_unsafe"


def with_key(use: KeyUse, public: bytes) -> types.Node:
    """A NODE of BZ in which the key of one use is replaced."""
    keys = [structs.replace(key, public=public) if key.use is use else key for key in listed(keys_of("BZ"))]
    return node_body(keys)


def raw(kind: DocumentKind, body: types.Node | types.Root) -> bytes:
    """An encoded document whose body was not checked."""
    community = Community()
    name = "ROOT" if kind is DocumentKind.ROOT else "BZ"
    lawful: types.Node | types.Root = root_body() if kind is DocumentKind.ROOT else node_body(listed(keys_of("BZ")))
    made = document(kind, name, lawful, None if kind is DocumentKind.ROOT else community.governance)
    return encode(
        types.SignedDocument(document=encode(structs.replace(made.document, body=encode(body))), signatures=())
    )


@pytest.mark.parametrize("use", [KeyUse.SEAL, KeyUse.AGREE])
@pytest.mark.parametrize("public", UNSAFE.values(), ids=UNSAFE)
def test_a_document_with_an_unsafe_key_is_refused_each_time_it_is_read(public: bytes, use: KeyUse) -> None:
    """The author of the file may not have checked the key, so it is checked at each load."""
    with pytest.raises(DocumentInvalid) as error:
        signed_document.parse(raw(DocumentKind.NODE, with_key(use, public)))
    assert error.value.code == "key_unsafe"


@pytest.mark.parametrize("public", UNSAFE.values(), ids=UNSAFE)
def test_a_trustee_with_an_unsafe_key_is_refused_each_time_its_root_is_read(public: bytes) -> None:
    lawful = root_body()
    first = lawful.trustees[0]
    body = structs.replace(
        lawful, trustees=(structs.replace(first, key=structs.replace(first.key, public=public)), *lawful.trustees[1:])
    )

    with pytest.raises(DocumentInvalid) as error:
        signed_document.parse(raw(DocumentKind.ROOT, body))
    assert error.value.code == "key_unsafe"


def test_a_node_with_an_unsafe_key_is_not_a_member() -> None:
    """The other documents have effect, and the problem is listed."""
    community = Community(("GT",))
    governance = load_governance(
        [*community.documents, raw(DocumentKind.NODE, with_key(KeyUse.SEAL, UNSAFE["y is p + 3, sign 0"]))],
        community.community,
    )

    assert set(governance.nodes) == {"GT"}
    assert [problem.error.code for problem in governance.problems] == ["key_unsafe"]


IDENTITY = (1).to_bytes(32, "little")


@pytest.mark.parametrize("data", [b"", b"one batch", b"another batch"])
def test_under_a_key_of_small_order_a_signature_made_without_a_key_is_valid_for_any_data(data: bytes) -> None:
    """With A = 0 the equation is [S]B = R for any data, and `verify` accepts it. This is why keys are checked."""
    forged = BASE_POINT + (1).to_bytes(32, "little")

    assert verify_ed25519(IDENTITY, forged, data)
    with pytest.raises(BadKey):
        check_public(KeyUse.SEAL, SUITE, IDENTITY)


# Signatures.


@pytest.mark.parametrize("times", range(1, 15))
def test_a_signature_whose_s_is_not_reduced_is_not_valid(times: int) -> None:
    """S + nL for each n that fits into 32 bytes: one message would have many signatures."""
    key = keys_of("BZ").newest(KeyUse.SEAL)
    signature = key.sign(b"data")
    s = int.from_bytes(signature[32:], "little") + times * edwards25519.L

    assert verify_ed25519(key.public, signature, b"data")
    assert not verify_ed25519(key.public, signature[:32] + s.to_bytes(32, "little"), b"data")


def test_a_signature_whose_r_is_not_canonical_is_not_valid() -> None:
    """R is compared as bytes. With A = 0, R = 0 and S = 0 the equation holds for each encoding of R."""
    zero = bytes(32)
    other_encodings = [IDENTITY[:31] + b"\x80", (edwards25519.P + 1).to_bytes(32, "little")]

    assert verify_ed25519(IDENTITY, IDENTITY + zero, b"data")
    assert not any(verify_ed25519(IDENTITY, other + zero, b"data") for other in other_encodings)


SMALL, MIXED, SAFE = "is a point of small order", "is outside the subgroup of prime order", ""
VERDICTS = (  # the problem of the key, and whether the signature alone is valid
    (SMALL, True),  # 0: S = 0, small A and R
    (SMALL, True),  # 1: small A, mixed R
    (MIXED, True),  # 2: mixed A, small R
    (MIXED, True),  # 3: mixed A and R
    (MIXED, False),  # 4: valid only with cofactor
    (MIXED, False),  # 5: valid only with cofactor, unless reduced before
    (SAFE, False),  # 6: S > L
    (SAFE, False),  # 7: S far above L
    (MIXED, False),  # 8: R not canonical, reduced for the hash
    (MIXED, False),  # 9: R not canonical, not reduced for the hash
    (SMALL, False),  # 10: A not canonical, reduced for the hash
    (SMALL, True),  # 11: A not canonical, not reduced for the hash
)


@pytest.mark.skipif(not SPECCHECK.is_file(), reason=f"no ed25519-speccheck at {DATA}: set ENLACE_DATA")
@pytest.mark.parametrize("number", range(12))
def test_a_case_of_speccheck_has_the_result_of_the_table(number: int) -> None:
    """All twelve are refused: ten for their key, two for their S. Five signatures alone would be valid."""
    cases = json.loads(SPECCHECK.read_text("utf-8"))
    case = {name: bytes.fromhex(text) for name, text in cases[number].items()}
    problem = SAFE
    try:
        check_public(KeyUse.SEAL, SUITE, case["pub_key"])
    except BadKey as error:
        problem = error.message.removeprefix("the key of use SEAL ")

    assert len(cases) == len(VERDICTS)
    assert (problem, verify_ed25519(case["pub_key"], case["signature"], case["message"])) == VERDICTS[number]
    assert VERDICTS[number] != (SAFE, True)
