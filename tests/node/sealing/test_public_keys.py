"""Which public keys may be registered, and which signatures are valid under them."""

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from node.primitives import digest
from node.sealing import edwards25519
from node.sealing.private_keys import PrivateKey, PrivateKeys
from node.sealing.public_keys import (
    PUBLIC_SIZE_BYTES,
    SMALL_ORDER,
    BadKey,
    check_public,
    key_id,
    verify,
)
from schemas.types import KeyUse

BASE_POINT = bytes.fromhex("5866666666666666666666666666666666666666666666666666666666666666")
KEYS = PrivateKeys.generate("BZ")


def encode(point: edwards25519.Point) -> bytes:
    inverse = pow(point[2], -1, edwards25519.P)
    x, y = point[0] * inverse % edwards25519.P, point[1] * inverse % edwards25519.P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def point(encoding: bytes) -> edwards25519.Point:
    decoded = edwards25519.decode(encoding)
    assert decoded is not None
    return decoded


def test_arithmetic_agrees_with_the_library_on_public_keys() -> None:
    """[s]B of RFC 8032 equals the public key that the library derives."""
    seed = bytes(range(32))
    scalar = int.from_bytes(hashlib.sha512(seed).digest()[:32], "little")
    scalar = (scalar & ((1 << 254) - 8)) | (1 << 254)

    expected = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    assert expected == encode(edwards25519.multiply(scalar, point(BASE_POINT)))


@pytest.mark.parametrize("key", KEYS.keys, ids=lambda key: key.use)
def test_a_generated_key_of_each_use_passes(key: PrivateKey) -> None:
    """A generated key may be registered."""
    check_public(key.use, 1, key.public)


def test_there_are_fourteen_encodings_of_small_order_and_the_curve_agrees() -> None:
    """Eight are canonical, and the cofactor times each of them is the identity. The others are refused as encodings."""
    assert len(SMALL_ORDER) == 14
    decoded = [edwards25519.decode(encoding) for encoding in SMALL_ORDER]
    assert sum(decoded_point is not None for decoded_point in decoded) == 8
    assert all(edwards25519.is_identity(edwards25519.multiply(8, low)) for low in decoded if low)


@pytest.mark.parametrize("use", [KeyUse.SEAL, KeyUse.AGREE])
@pytest.mark.parametrize("encoding", sorted(SMALL_ORDER), ids=lambda encoding: encoding.hex()[:8])
def test_a_key_of_small_order_is_refused(use: KeyUse, encoding: bytes) -> None:
    """Signatures that its holder never made are valid under a key of small order."""
    with pytest.raises(BadKey, match="small order") as error:
        check_public(use, 1, encoding)
    assert error.value.code == "key_unsafe"


def test_a_key_with_a_component_of_small_order_is_refused() -> None:
    """[L]A is not the identity: verification with and without the cofactor would differ."""
    torsion = point(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"))
    mixed = encode(edwards25519.add(point(BASE_POINT), torsion))
    with pytest.raises(BadKey, match="subgroup"):
        check_public(KeyUse.SEAL, 1, mixed)


@pytest.mark.parametrize(
    "encoding",
    [
        (edwards25519.P + 3).to_bytes(32, "little"),  # y not reduced
        b"\xff" * 32,
        (2).to_bytes(32, "little"),  # no x for this y
    ],
    ids=["y_above_p", "all_ones", "not_on_the_curve"],
)
def test_an_encoding_that_is_not_canonical_is_refused(encoding: bytes) -> None:
    """Two encodings of one point would give one key two ids."""
    with pytest.raises(BadKey, match="canonical"):
        check_public(KeyUse.AGREE, 1, encoding)


@pytest.mark.parametrize("use", list(KeyUse))
@pytest.mark.parametrize("difference", [-1, 1])
def test_a_key_of_another_length_is_refused(use: KeyUse, difference: int) -> None:
    """Each use has exactly one length."""
    with pytest.raises(BadKey) as error:
        check_public(use, 1, bytes(PUBLIC_SIZE_BYTES[use] + difference))
    assert error.value.code == "key_length"


def test_an_unknown_suite_is_refused() -> None:
    """There is only one suite."""
    with pytest.raises(BadKey) as error:
        check_public(KeyUse.SEAL, 2, KEYS.newest(KeyUse.SEAL).public)
    assert error.value.code == "key_suite"


def test_an_encrypt_key_with_an_x25519_half_of_low_order_is_refused() -> None:
    """Nothing can be wrapped for such a key, so a document must not list it."""
    public = KEYS.newest(KeyUse.ENCRYPT).public
    with pytest.raises(BadKey) as error:
        check_public(KeyUse.ENCRYPT, 1, public[:1184] + bytes(32))
    assert error.value.code == "key_unsafe"


def test_an_encrypt_key_with_numbers_out_of_range_is_refused() -> None:
    """FIPS 203, 7.2: the modulus check of the encapsulation key."""
    public = KEYS.newest(KeyUse.ENCRYPT).public
    with pytest.raises(BadKey) as error:
        check_public(KeyUse.ENCRYPT, 1, b"\xff" * 1152 + public[1152:])
    assert error.value.code == "key_unsafe"


def test_the_key_id_binds_node_use_and_suite() -> None:
    """The same bytes of another node, use or suite are another key."""
    public = KEYS.newest(KeyUse.SEAL).public
    ids = {
        key_id("BZ", KeyUse.SEAL, 1, public),
        key_id("GT", KeyUse.SEAL, 1, public),
        key_id("BZ", KeyUse.AGREE, 1, public),
        key_id("BZ", KeyUse.SEAL, 2, public),
    }
    assert len(ids) == 4


def test_the_key_id_is_the_hash_that_the_wire_format_states() -> None:
    """The expected bytes are written by hand: each item follows its length."""
    framed = b"\0\0\0\x0cenlace/1 key" + b"\0\0\0\x02BZ" + b"\0\0\0\x04SEAL" + b"\0\0\0\x04\0\0\0\x01" + b"\0\0\0\x01k"

    assert digest(framed) == key_id("BZ", KeyUse.SEAL, 1, b"k")


@pytest.mark.parametrize("use", [KeyUse.SEAL, KeyUse.AGREE, KeyUse.CHECKPOINT])
def test_a_signature_is_valid_only_under_its_key_and_over_its_bytes(use: KeyUse) -> None:
    """Another key, other data, a shorter or a changed signature do not verify."""
    key = KEYS.newest(use)
    signature = key.sign(b"data")
    changed = bytes([signature[0] ^ 1]) + signature[1:]

    assert verify(use, key.public, signature, b"data")
    assert not verify(use, key.public, signature, b"Data")
    assert not verify(use, key.public, changed, b"data")
    assert not verify(use, key.public, signature[:-1], b"data")
    assert not verify(use, PrivateKeys.generate("BZ", (use,)).keys[0].public, signature, b"data")


def test_a_signature_with_s_not_reduced_is_not_valid() -> None:
    """S + L equals S modulo L; if it were accepted, one message would have two signatures."""
    key = KEYS.newest(KeyUse.SEAL)
    signature = key.sign(b"data")
    s = int.from_bytes(signature[32:], "little") + edwards25519.L

    assert not verify(KeyUse.SEAL, key.public, signature[:32] + s.to_bytes(32, "little"), b"data")


def test_an_encrypt_key_neither_verifies_nor_signs() -> None:
    key = KEYS.newest(KeyUse.ENCRYPT)

    assert not verify(KeyUse.ENCRYPT, key.public, bytes(64), b"data")
    with pytest.raises(ValueError, match="cannot sign"):
        key.sign(b"data")
