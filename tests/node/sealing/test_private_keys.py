"""The private keys in memory."""

import pytest

from node.errors import UsageError
from node.sealing.private_keys import PrivateKeys
from schemas.types import KeyUse

KEYS = PrivateKeys.generate("BZ")


def test_no_repr_shows_a_private_key() -> None:
    """A key does not leak into a log line or a traceback."""
    key = KEYS.keys[0]

    assert str(key.private)[2:-1] not in repr(key)
    assert "private" not in repr(key)


def test_the_newest_generation_signs_and_older_ones_are_kept() -> None:
    """A wrap for the old key can still be opened after a rotation."""
    rotated = KEYS.with_new(KeyUse.SEAL, KeyUse.ENCRYPT)

    assert rotated.newest(KeyUse.SEAL).key_id != KEYS.newest(KeyUse.SEAL).key_id
    assert rotated.newest(KeyUse.AGREE).key_id == KEYS.newest(KeyUse.AGREE).key_id
    assert rotated.by_id(KEYS.newest(KeyUse.ENCRYPT).key_id) is not None
    assert rotated.sign(KeyUse.SEAL, b"data") == rotated.newest(KeyUse.SEAL).sign(b"data")


def test_a_missing_use_is_a_usage_error() -> None:
    """A trustee has only an AGREE key."""
    with pytest.raises(UsageError, match="no SEAL key"):
        PrivateKeys.generate("TR1", (KeyUse.AGREE,)).newest(KeyUse.SEAL)
