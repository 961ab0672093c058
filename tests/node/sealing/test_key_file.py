"""The file of the private keys."""

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest

from node.errors import UsageError
from node.sealing import key_file
from node.sealing.key_file import decode, encode
from node.sealing.private_keys import PrivateKeys

KEYS = PrivateKeys.generate("BZ")
PASSPHRASE = b"a passphrase of some length"
QUICK = 14  # the cost of scrypt in tests


def changed(data: bytes, **changes: Any) -> bytes:
    return json.dumps(json.loads(data) | changes).encode()


def code_of(data: bytes, passphrase: bytes | None) -> str:
    with pytest.raises(UsageError) as error:
        decode(data, passphrase)
    return error.value.code


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE], ids=["plain", "encrypted"])
def test_stored_keys_are_loaded(passphrase: bytes | None) -> None:
    """All four uses, with the same ids and public keys."""
    loaded = decode(encode(KEYS, passphrase, log2_n=QUICK), passphrase)

    assert loaded.node == "BZ"
    assert [(key.use, key.key_id, key.public) for key in loaded.keys] == [
        (key.use, key.key_id, key.public) for key in KEYS.keys
    ]


def test_an_encrypted_file_shows_no_private_key() -> None:
    """Not even a part of one."""
    data = encode(KEYS, PASSPHRASE, log2_n=QUICK)
    for key in KEYS.keys:
        assert base64.b64encode(key.private)[:20] not in data


def test_a_wrong_passphrase_is_refused() -> None:
    """A missing passphrase has a code of its own."""
    data = encode(KEYS, PASSPHRASE, log2_n=QUICK)

    assert code_of(data, b"another passphrase") == "passphrase_wrong"
    assert code_of(data, None) == "passphrase_missing"


def test_an_encrypted_file_is_bound_to_its_node() -> None:
    """The keys of one node cannot be presented as those of another."""
    data = encode(KEYS, PASSPHRASE, log2_n=QUICK)

    assert code_of(changed(data, node="GT"), PASSPHRASE) == "passphrase_wrong"


def test_scrypt_parameters_outside_their_limits_are_refused() -> None:
    """A file can neither exhaust the memory of the node nor make guessing cheap."""
    data = encode(KEYS, PASSPHRASE, log2_n=QUICK)
    sealed = json.loads(data)["sealed"]
    for log2_n in (1, 40):
        scrypt = sealed["scrypt"] | {"log2_n": log2_n}
        assert code_of(changed(data, sealed=sealed | {"scrypt": scrypt}), PASSPHRASE) == "keys_unreadable"


def test_a_private_key_that_does_not_match_its_public_key_is_refused() -> None:
    """In this file two private keys are swapped."""
    data = encode(KEYS, None)
    stored = json.loads(data)["keys"]
    stored[0]["private"] = stored[1]["private"]

    assert code_of(changed(data, keys=stored), None) == "keys_unreadable"


def test_a_file_that_cannot_be_read_is_named_with_a_way_out(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(b"{}")
    path.chmod(0o600)
    with pytest.raises(UsageError) as error:
        key_file.read(path)

    assert (error.value.code, error.value.path) == ("keys_unreadable", str(path))
    assert error.value.hint == f"restore {path} from the backup"


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff", b'{"format":"other","node":"BZ","keys":[]}'])
def test_a_malformed_file_is_refused(data: bytes) -> None:
    """Every malformed file gives the same code."""
    assert code_of(data, None) == "keys_unreadable"


def test_only_the_owner_can_read_the_file_and_it_is_not_overwritten(tmp_path: Path) -> None:
    """The file has mode 0600 from the beginning. `replace` is needed to overwrite it."""
    path = tmp_path / "keys.json"
    key_file.write(path, KEYS)

    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(UsageError) as error:
        key_file.write(path, KEYS)
    assert error.value.code == "file_exists"
    assert [file.name for file in tmp_path.iterdir()] == ["keys.json"]
    assert key_file.read(path).node == "BZ"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o666])
def test_a_file_that_others_can_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    """Even if it is encrypted."""
    path = tmp_path / "keys.json"
    key_file.write(path, KEYS)
    path.chmod(mode)
    with pytest.raises(UsageError) as error:
        key_file.read(path)
    assert error.value.code == "secret_exposed"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    """Its owner could read it and change it."""
    path = tmp_path / "keys.json"
    key_file.write(path, KEYS)
    os.chown(path, 12345, -1)
    with pytest.raises(UsageError, match="another user"):
        key_file.read(path)


def test_a_passphrase_file_opens_the_file_that_it_encrypted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its line end is ignored. It must not be readable by others, and not be short."""
    monkeypatch.setattr(key_file, "SCRYPT_LOG2_N", QUICK)
    path, passphrase = tmp_path / "keys.json", tmp_path / "passphrase"
    passphrase.write_bytes(PASSPHRASE + b"\n")
    passphrase.chmod(0o440)
    key_file.write(path, KEYS, passphrase)

    assert key_file.read(path, passphrase).by_id(KEYS.keys[0].key_id) is not None
    passphrase.chmod(0o444)
    with pytest.raises(UsageError, match="can read or write it"):
        key_file.read(path, passphrase)
    passphrase.chmod(0o600)
    passphrase.write_bytes(b"short\n")
    with pytest.raises(UsageError, match="shorter"):
        key_file.read(path, passphrase)


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    """The error names its path."""
    with pytest.raises(UsageError) as error:
        key_file.read(tmp_path / "absent.json")
    assert error.value.path == str(tmp_path / "absent.json")
