"""The file of the private keys."""

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest

from node.errors import UsageError
from node.sealing import private_keys
from node.sealing.private_keys import PrivateKeys, dump, load
from schemas.types import KeyUse

KEYS = PrivateKeys.generate("BZ")
PASSPHRASE = b"a passphrase of some length"
QUICK = 14  # scrypt's cost in tests


def changed(data: bytes, **changes: Any) -> bytes:
    return json.dumps(json.loads(data) | changes).encode()


def code_of(data: bytes, passphrase: bytes | None) -> str:
    with pytest.raises(UsageError) as error:
        load(data, passphrase)
    return error.value.code


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE], ids=["plain", "encrypted"])
def test_what_is_stored_is_loaded(passphrase: bytes | None) -> None:
    """All four uses, with their ids and public keys."""
    loaded = load(dump(KEYS, passphrase, log2_n=QUICK), passphrase)

    assert loaded.node == "BZ"
    assert [(key.use, key.key_id, key.public) for key in loaded.keys] == [
        (key.use, key.key_id, key.public) for key in KEYS.keys
    ]


def test_an_encrypted_file_shows_no_private_key() -> None:
    """Nor a public one."""
    data = dump(KEYS, PASSPHRASE, log2_n=QUICK)
    for key in KEYS.keys:
        assert base64.b64encode(key.private)[:20] not in data


def test_no_repr_shows_a_private_key() -> None:
    """A key in a log line or a traceback stays secret."""
    key = KEYS.keys[0]

    assert str(key.private)[2:-1] not in repr(key)
    assert "private" not in repr(key)


def test_a_wrong_passphrase_is_refused() -> None:
    """As is none at all."""
    data = dump(KEYS, PASSPHRASE, log2_n=QUICK)

    assert code_of(data, b"another passphrase") == "passphrase_wrong"
    assert code_of(data, None) == "passphrase_missing"


def test_an_encrypted_file_is_bound_to_its_node() -> None:
    """The keys of one node can't be passed off as those of another."""
    data = dump(KEYS, PASSPHRASE, log2_n=QUICK)

    assert code_of(changed(data, node="GT"), PASSPHRASE) == "passphrase_wrong"


def test_scrypt_parameters_outside_their_limits_are_refused() -> None:
    """A file can't make the node use up its memory, nor make guessing cheap."""
    data = dump(KEYS, PASSPHRASE, log2_n=QUICK)
    sealed = json.loads(data)["sealed"]
    for log2_n in (1, 40):
        scrypt = sealed["scrypt"] | {"log2_n": log2_n}
        assert code_of(changed(data, sealed=sealed | {"scrypt": scrypt}), PASSPHRASE) == "keys_unreadable"


def test_a_private_key_that_does_not_fit_its_public_key_is_refused() -> None:
    """A file in which two keys were swapped."""
    data = dump(KEYS, None)
    stored = json.loads(data)["keys"]
    stored[0]["private"] = stored[1]["private"]

    assert code_of(changed(data, keys=stored), None) == "keys_unreadable"


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff", b'{"format":"other","node":"BZ","keys":[]}'])
def test_a_malformed_file_is_refused(data: bytes) -> None:
    """With one code, whatever is wrong."""
    assert code_of(data, None) == "keys_unreadable"


def test_the_newest_generation_signs_and_the_older_ones_stay() -> None:
    """After a rotation what was wrapped for the old key still opens."""
    rotated = KEYS.with_new(KeyUse.SEAL, KeyUse.ENCRYPT)

    assert rotated.newest(KeyUse.SEAL).key_id != KEYS.newest(KeyUse.SEAL).key_id
    assert rotated.newest(KeyUse.AGREE).key_id == KEYS.newest(KeyUse.AGREE).key_id
    assert rotated.by_id(KEYS.newest(KeyUse.ENCRYPT).key_id) is not None
    assert rotated.sign(KeyUse.SEAL, b"data") == rotated.newest(KeyUse.SEAL).sign(b"data")


def test_a_missing_use_is_a_usage_error() -> None:
    """A trustee has an AGREE key only."""
    with pytest.raises(UsageError, match="no SEAL key"):
        PrivateKeys.generate("TR1", (KeyUse.AGREE,)).newest(KeyUse.SEAL)


def test_the_file_is_made_for_its_owner_alone_and_never_overwritten(tmp_path: Path) -> None:
    """Mode 0600 from the beginning; replacing it has to be asked for."""
    path = tmp_path / "keys.json"
    private_keys.write(path, KEYS)

    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(UsageError) as error:
        private_keys.write(path, KEYS)
    assert error.value.code == "file_exists"
    assert [item.name for item in tmp_path.iterdir()] == ["keys.json"]
    assert private_keys.read(path).node == "BZ"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o666])
def test_a_file_that_others_can_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    """Encrypted or not."""
    path = tmp_path / "keys.json"
    private_keys.write(path, KEYS)
    path.chmod(mode)
    with pytest.raises(UsageError) as error:
        private_keys.read(path)
    assert error.value.code == "secret_exposed"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    """Whoever owns it could read it and change it."""
    path = tmp_path / "keys.json"
    private_keys.write(path, KEYS)
    os.chown(path, 12345, -1)
    with pytest.raises(UsageError, match="another user"):
        private_keys.read(path)


def test_a_passphrase_file_opens_what_it_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its line end does not count; it must not be readable by all, and not be short."""
    monkeypatch.setattr(private_keys, "SCRYPT_LOG2_N", QUICK)
    path, passphrase = tmp_path / "keys.json", tmp_path / "passphrase"
    passphrase.write_bytes(PASSPHRASE + b"\n")
    passphrase.chmod(0o440)
    private_keys.write(path, KEYS, passphrase)

    assert private_keys.read(path, passphrase).by_id(KEYS.keys[0].key_id) is not None
    passphrase.chmod(0o444)
    with pytest.raises(UsageError, match="can read or write it"):
        private_keys.read(path, passphrase)
    passphrase.chmod(0o600)
    passphrase.write_bytes(b"short\n")
    with pytest.raises(UsageError, match="shorter"):
        private_keys.read(path, passphrase)


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    """With its path."""
    with pytest.raises(UsageError) as error:
        private_keys.read(tmp_path / "absent.json")
    assert error.value.path == str(tmp_path / "absent.json")
