"""AGREE keys in a file of their own: the daemon never reads it, and documents are signed with it."""

import sys
from pathlib import Path

import pytest

from node.runtime.home import open_home
from node.sealing import key_file
from node.sealing.private_keys import PrivateKeys
from schemas.types import KeyUse
from tests.support.contract import cli, ok
from tests.support.exchange import report
from tests.support.processes import agreement, lab, publish, running, settle

PASSPHRASE = "correct horse battery"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The home of BZ, whose AGREE key was moved to `apart.json` beside it."""
    made = lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))["BZ"]
    [answer] = ok("keys", "separate", tmp_path / "apart.json", home=made)
    assert [key["use"] for key in answer["moved"]] == ["AGREE"]
    assert sorted(key["use"] for key in answer["kept"]) == ["CHECKPOINT", "ENCRYPT", "SEAL"]
    return made


def test_a_daemon_works_without_the_agree_key_and_calls_it_its_own(home: Path, tmp_path: Path) -> None:
    """The file may be on a disk that is not there."""
    (tmp_path / "apart.json").rename(tmp_path / "in-a-safe.json")
    with (home / "node.toml").open("a") as config:
        config.write('agree_file = "../../apart.json"\n')
    publish(home, "one")
    with running(home):
        settle(home)
        [status] = ok("status", "--check", home=home)

    assert status["findings"] == []
    assert status["outbox"] == {"accepted": 0, "sealed": 0, "sent": 0}


@pytest.mark.parametrize("way", ["--key", "keys.agree_file"])
def test_documents_are_signed_with_the_file(home: Path, tmp_path: Path, way: str) -> None:
    text = tmp_path / "new.toml"
    text.write_text(agreement("NEW", ["BZ", "GT"]))
    ok("governance", "new", "agreement", text, home=home)
    signed = tmp_path / "new.toml.signed"
    without = cli("governance", "sign", signed, home=home)
    if way == "--key":
        [answer] = ok("governance", "sign", signed, "--key", tmp_path / "apart.json", home=home)
    else:
        with (home / "node.toml").open("a") as config:
            config.write(f'agree_file = "{tmp_path / "apart.json"}"\n')
        [answer] = ok("governance", "sign", signed, home=home)

    assert (without.exit, without.error["code"]) == (2, "key_not_counted")
    assert way in without.error["hint"]
    assert [(signature["signer"], signature["valid"]) for signature in answer["signatures"]] == [("BZ", True)]


def test_nothing_is_moved_twice_and_no_file_is_overwritten(home: Path, tmp_path: Path) -> None:
    again = cli("keys", "separate", tmp_path / "other.json", home=home)
    before = (tmp_path / "apart.json").read_bytes()
    taken = cli("keys", "separate", tmp_path / "apart.json", home=home.parent / "gt")

    assert (again.exit, again.error["code"]) == (2, "key_missing")
    assert not (tmp_path / "other.json").exists()
    assert (taken.exit, taken.error["code"]) == (2, "file_exists")
    assert (tmp_path / "apart.json").read_bytes() == before
    assert len(key_file.read(home.parent / "gt" / "unsafe-keys.json").keys) == 4


def test_the_file_of_another_node_is_refused(home: Path, tmp_path: Path) -> None:
    ok("keys", "separate", tmp_path / "gt.json", home=home.parent / "gt")
    text = tmp_path / "new.toml"
    text.write_text(agreement("NEW", ["BZ", "GT"]))
    ok("governance", "new", "agreement", text, home=home)
    with (home / "node.toml").open("a") as config:
        config.write(f'agree_file = "{tmp_path / "gt.json"}"\n')
    ran = cli("governance", "sign", tmp_path / "new.toml.signed", home=home)

    assert (ran.exit, ran.error["code"], ran.error["path"]) == (2, "keys_foreign", "keys.agree_file")


def test_what_is_elsewhere_is_authenticated_in_an_encrypted_file() -> None:
    """A list of ids in clear would let a stranger call a foreign key our own."""
    keys = PrivateKeys.generate("BZ").without(KeyUse.AGREE)
    data = key_file.encode(keys, PASSPHRASE.encode(), log2_n=key_file.SCRYPT_LOG2_N_MIN)
    again = key_file.decode(data, PASSPHRASE.encode())
    other = data.replace(b'"elsewhere":["', b'"elsewhere":["AAAA')

    assert again.elsewhere == keys.elsewhere
    assert {key.use for key in again.keys} == {KeyUse.SEAL, KeyUse.CHECKPOINT, KeyUse.ENCRYPT}
    with pytest.raises(Exception, match="does not open"):
        key_file.decode(other, PASSPHRASE.encode())


OPENED: list[str] = []
WATCHING: list[bool] = []


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if WATCHING and event == "open":
        OPENED.append(str(arguments[0]))


sys.addaudithook(_watch)


def test_publishing_opens_no_key_file(home: Path) -> None:
    """Neither is its passphrase file opened, nor is one needed."""
    import json

    with (home / "node.toml").open("a") as config:
        config.write('passphrase_file = "none"\nagree_file = "../../apart.json"\n')
    OPENED.clear()
    WATCHING.append(True)
    try:
        answers = ok("publish", "-", home=home, data=json.dumps(report()).encode())
        listed = ok("outbox", "list", home=home)
    finally:
        WATCHING.clear()
    keys = (open_home(home).config.keys.file, "apart.json", "none")

    assert answers[0]["outcome"] == "accepted"
    assert len(listed) == 1
    assert [name for name in OPENED if name.endswith(keys)] == []
    assert any(name.endswith("node.toml") for name in OPENED)
