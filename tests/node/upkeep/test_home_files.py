"""Which files a backup has, and what a restored home says it lacks."""

import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest

from node.webhooks.webhooks import KEY_FILE
from tests.support.contract import cli, ok
from tests.support.processes import agreement, lab

SECRET = b"the shared secret of a test"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))["BZ"]


def configure(home: Path, *lines: str) -> None:
    """Write settings, each with its section, into the configuration."""
    file = home / "node.toml"
    text = file.read_text()
    for line in lines:
        section, setting = line.split(" ", maxsplit=1)
        head = f"[{section}]\n"
        key = setting.split(" ", maxsplit=1)[0]
        kept = [row for row in text.splitlines(keepends=True) if not row.startswith(f"{key} = ") or section == "bus"]
        text = "".join(kept)
        text = text.replace(head, f"{head}{setting}\n") if head in text else f"{text}\n{head}{setting}\n"
    file.write_text(text)


def members(home: Path, file: Path, *options: str) -> set[str]:
    """Take a backup; returns the names of its files."""
    ok("backup", file, *options, home=home)
    with tarfile.open(file) as archive:
        return set(archive.getnames())


def restored(file: Path, home: Path) -> dict[str, Any]:
    """Restore to where the home was."""
    shutil.rmtree(home)
    [answer] = ok("restore", file, home=home)
    return answer


def with_webhook(home: Path) -> None:
    """A webhook, whose secret is encrypted under a key in the home."""
    secret = home.parent / "secret"
    secret.write_bytes(SECRET)
    secret.chmod(0o600)
    ok("webhook", "create", "https://93.184.215.14/in", "--secret-file", secret, home=home)


def test_a_backup_with_keys_has_the_key_of_the_webhooks(home: Path, tmp_path: Path) -> None:
    """So webhooks of a restored node go on."""
    with_webhook(home)
    key = (home / KEY_FILE).read_bytes()
    names = members(home, tmp_path / "keys.backup", "--with-keys")
    answer = restored(tmp_path / "keys.backup", home)

    assert KEY_FILE in names
    assert answer["missing"] == []
    assert (home / KEY_FILE).read_bytes() == key
    assert (home / KEY_FILE).stat().st_mode & 0o777 == 0o600


def test_a_restored_home_names_what_it_needs_and_does_not_have(home: Path, tmp_path: Path) -> None:
    """A backup without keys has no secret that is not encrypted."""
    with_webhook(home)
    configure(home, 'gateway client_ca_file = "tls/ca.pem"', 'drop mapping = "maps/rows.toml"')
    names = members(home, tmp_path / "bz.backup")
    answer = restored(tmp_path / "bz.backup", home)

    assert not {KEY_FILE, "unsafe-keys.json"} & names
    assert answer["missing"] == ["unsafe-keys.json", "tls/ca.pem", "maps/rows.toml", KEY_FILE]


def test_keys_and_a_mapping_in_a_folder_of_the_home_come_back(home: Path, tmp_path: Path) -> None:
    for name, settings in (("secrets", "keys.json"), ("maps", "rows.toml")):
        (home / name).mkdir()
        (home / name / settings).write_text("")
    (home / "unsafe-keys.json").replace(home / "secrets" / "keys.json")
    configure(home, 'keys file = "./secrets/keys.json"', 'drop mapping = "maps/rows.toml"')
    names = members(home, tmp_path / "bz.backup", "--with-keys")
    answer = restored(tmp_path / "bz.backup", home)

    assert {"secrets/keys.json", "maps/rows.toml"} < names
    assert (answer["missing"], answer["pending"]) == ([], None)
    assert (home / "secrets").stat().st_mode & 0o777 == 0o700


def test_the_agree_keys_in_a_file_of_their_own_are_keys_too(home: Path, tmp_path: Path) -> None:
    ok("keys", "separate", home / "agree.json", home=home)
    configure(home, 'keys agree_file = "agree.json"', 'keys file = "unsafe-keys.json"')

    assert "agree.json" in members(home, tmp_path / "keys.backup", "--with-keys")
    assert "agree.json" not in members(home, tmp_path / "bz.backup")


def test_keys_outside_the_home_do_not_stop_a_backup_that_does_not_ask_for_them(home: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    (home / "unsafe-keys.json").replace(keys)
    configure(home, f'keys file = "{keys}"')
    asked = cli("backup", tmp_path / "keys.backup", "--with-keys", home=home)

    assert [answer["keys"] for answer in ok("backup", tmp_path / "bz.backup", home=home)] == [False]
    assert (asked.exit, asked.error["code"]) == (2, "backup_name")
    assert restored(tmp_path / "bz.backup", home)["pending"] is None


def test_every_document_is_in_a_backup_and_no_part_that_a_killed_process_left(home: Path, tmp_path: Path) -> None:
    """The name of a document is the choice of a person."""
    documents = home / "documents"
    [first, *_] = sorted(documents.iterdir())
    first.rename(documents / "NODE de Belice (2).signed")
    (documents / f".{first.name}.x1y2").write_bytes(b"part")
    (documents / "gone.signed").symlink_to("nowhere")
    names = members(home, tmp_path / "bz.backup", "--with-keys")
    answer = restored(tmp_path / "bz.backup", home)

    assert "documents/NODE de Belice (2).signed" in names
    assert not [name for name in names if "x1y2" in name or "gone" in name]
    assert (answer["pending"], (documents / "NODE de Belice (2).signed").is_file()) == (None, True)
