"""An audience key is wrapped for one recipient and one grant. No other recipient can unwrap it."""

import pytest

from node.sealing import hpke
from node.sealing.private_keys import PrivateKeys
from schemas.types import KeyUse

KEY = bytes(range(32))
RECIPIENT = PrivateKeys.generate("GT").newest(KeyUse.ENCRYPT)
STRANGER = PrivateKeys.generate("MX").newest(KeyUse.ENCRYPT)
WRAPPED = hpke.wrap(RECIPIENT.public, KEY, b"info")


def test_the_recipient_unwraps_the_key() -> None:
    """A wrap has 1168 bytes, and each wrap of the same key is different."""
    assert len(WRAPPED) == hpke.WRAP_SIZE_BYTES
    assert hpke.wrap(RECIPIENT.public, KEY, b"info") != WRAPPED
    assert hpke.unwrap(RECIPIENT.decryption_key, WRAPPED, b"info") == KEY


def test_another_recipient_cannot_unwrap_the_key() -> None:
    """Not even with an ENCRYPT key."""
    with pytest.raises(hpke.WrapFailed):
        hpke.unwrap(STRANGER.decryption_key, WRAPPED, b"info")


def test_a_wrap_made_for_another_grant_does_not_open() -> None:
    """`info` binds community, originator, audience key id, recipient and key."""
    with pytest.raises(hpke.WrapFailed):
        hpke.unwrap(RECIPIENT.decryption_key, WRAPPED, b"other")


@pytest.mark.parametrize("position", [0, 1087, 1088, 1119, 1120, 1167])
def test_a_changed_wrap_does_not_open(position: int) -> None:
    """One bit is changed in each part: ML-KEM, X25519, encrypted key."""
    changed = WRAPPED[:position] + bytes([WRAPPED[position] ^ 1]) + WRAPPED[position + 1 :]
    with pytest.raises(hpke.WrapFailed):
        hpke.unwrap(RECIPIENT.decryption_key, changed, b"info")


@pytest.mark.parametrize("wrapped", [b"", WRAPPED[:-1], WRAPPED + b"\0"], ids=["empty", "short", "long"])
def test_a_wrap_of_another_length_does_not_open(wrapped: bytes) -> None:
    """The library is not called with another length."""
    with pytest.raises(hpke.WrapFailed):
        hpke.unwrap(RECIPIENT.decryption_key, wrapped, b"info")


def test_a_wrap_with_an_x25519_share_of_low_order_does_not_open() -> None:
    """The library raises another exception in this case; callers see the same one."""
    with pytest.raises(hpke.WrapFailed):
        hpke.unwrap(RECIPIENT.decryption_key, WRAPPED[:1088] + bytes(32) + WRAPPED[1120:], b"info")


def test_only_a_key_of_32_bytes_is_wrapped() -> None:
    """Every wrap has the same size."""
    with pytest.raises(ValueError, match="32 bytes"):
        hpke.wrap(RECIPIENT.public, b"short", b"info")


def test_a_private_key_is_a_seed_and_a_scalar_in_96_bytes() -> None:
    """ML-KEM seed (64) || X25519 (32), not the 32-byte seed of X-Wing."""
    assert len(RECIPIENT.private) == hpke.PRIVATE_SIZE_BYTES == 96
    assert hpke.public_of(RECIPIENT.private) == RECIPIENT.public
    with pytest.raises(ValueError, match="96 bytes"):
        hpke.load_private(bytes(32))
