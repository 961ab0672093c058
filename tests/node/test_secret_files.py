"""Secrets that other users can read, pipes and devices in their place, and databases that were open to others."""

import os
import sqlite3
from pathlib import Path

import pytest
import structlog.testing

from node import secret_files
from node.errors import UsageError
from node.runtime import config
from node.runtime.bus import protection_of
from node.secret_files import check_secret, make_private, read_secret
from schemas.types import BusSection
from tests.support.contract import cli


def code_of(path: Path) -> str:
    """The code with which a secret is refused, by both functions."""
    codes = set()
    for function in (read_secret, check_secret):
        with pytest.raises(UsageError) as raised:
            function(path)
        codes.add(raised.value.code)
    [code] = codes
    return code


def test_a_pipe_a_device_and_a_folder_are_refused_at_once(tmp_path: Path) -> None:
    """Nobody writes to the pipe, so reading it would never end."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)

    assert [code_of(path) for path in (pipe, Path("/dev/zero"), tmp_path)] == ["secret_exposed"] * 3


def test_an_error_about_a_secret_that_is_not_there_has_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        read_secret(tmp_path / "nothing")

    assert raised.value.code == "secret_unreadable"
    assert raised.value.hint is not None


def test_a_link_counts_as_what_it_leads_to(tmp_path: Path) -> None:
    secret, link, dangling = (tmp_path / name for name in ("secret", "link", "dangling"))
    secret.write_bytes(b"x")
    secret.chmod(0o600)
    link.symlink_to(secret)
    dangling.symlink_to(tmp_path / "nothing")

    assert read_secret(link) == b"x"
    secret.chmod(0o644)
    assert code_of(link) == "secret_exposed"
    assert code_of(dangling) == "secret_unreadable"


@pytest.mark.parametrize("name", ["/proc/self/mem", "/proc/self/environ", "/proc/kmsg", "/proc/self/fd", "/dev/stdin"])
def test_a_key_file_of_the_system_is_refused_as_a_wrong_key_file(name: str, tmp_path: Path) -> None:
    """With 2, not as a bug."""
    ran = cli("governance", "sign", _document(tmp_path), "--key", name)

    assert ran.exit == 2
    assert ran.error["code"] != "bug"


def _document(folder: Path) -> Path:
    ran = cli("governance", "keygen", "TR1", folder / "tr1.key")
    text = folder / "root.toml"
    text.write_text(
        "version = 1\nnot_before = 2026-01-01T00:00:00Z\nnot_after = 2036-01-01T00:00:00Z\nthreshold = 1\n"
        f'revoke_threshold = 1\n[[trustee]]\nid = "TR1"\npublic = "{ran.objects[0]["public"]}"\n'
    )
    [made] = cli("governance", "new", "root", text, "--documents", folder).objects
    return Path(made["file"])


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_the_private_key_for_tls_must_be_for_its_owner(tmp_path: Path, mode: int) -> None:
    """Before any connection is tried."""
    for name in ("ca", "certificate", "key"):
        (tmp_path / name).write_text("pem")
    (tmp_path / "key").chmod(mode)
    section = BusSection(url="kafka://one:9092", ca_file="ca", certificate_file="certificate", key_file="key")
    with pytest.raises(UsageError) as raised:
        protection_of(section, tmp_path)

    assert (raised.value.code, raised.value.path) == ("secret_exposed", "bus.key_file")


@pytest.mark.parametrize("name", ["ca", "certificate", "key"])
def test_a_pipe_in_place_of_a_file_for_tls_is_refused_at_once(tmp_path: Path, name: str) -> None:
    for other in {"ca", "certificate", "key"} - {name}:
        (tmp_path / other).write_text("pem")
        (tmp_path / other).chmod(0o600)
    os.mkfifo(tmp_path / name, 0o600)
    section = BusSection(url="kafka://one:9092", ca_file="ca", certificate_file="certificate", key_file="key")
    with pytest.raises(UsageError) as raised:
        protection_of(section, tmp_path)

    assert raised.value.path == f"bus.{name}_file"


NODE_TOML = '[node]\nid = "BZ"\n[bus]\nurl = "sqlite:///log.db"\n[store]\nurl = "{url}"\n'


def test_a_configuration_with_a_password_must_be_for_its_owner(tmp_path: Path) -> None:
    file = tmp_path / "node.toml"
    file.write_text(NODE_TOML.format(url="postgresql+psycopg://bz:hidden@localhost/bz"))
    file.chmod(0o644)
    with pytest.raises(UsageError) as raised:
        config.load(tmp_path, {})

    assert raised.value.code == "secret_exposed"
    assert "hidden" not in str(raised.value)
    file.chmod(0o600)
    assert config.load(tmp_path, {}).node.id == "BZ"
    file.write_text(NODE_TOML.format(url="sqlite:///store.db"))
    file.chmod(0o644)
    assert config.load(tmp_path, {}).node.id == "BZ"


def test_a_database_that_others_could_read_is_closed_to_them_and_logged(tmp_path: Path) -> None:
    """Also the files that SQLite keeps beside it. The locks of an open connection stay."""
    path = tmp_path / "store.db"
    make_private(path)
    assert path.stat().st_mode & 0o777 == 0o600
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE t (x)")
    files = [path, tmp_path / "store.db-wal", tmp_path / "store.db-shm"]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    for file in files:
        file.chmod(0o644)

    with structlog.testing.capture_logs() as logged:
        make_private(path)
        make_private(path)

    assert [(event["event"], event["mode"], event["closed"]) for event in logged] == [
        ("file_was_exposed", "0644", True)
    ] * 3
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    connection.execute("INSERT INTO t VALUES (1)")
    connection.close()
    assert secret_files.DATABASE_SUFFIXES == ("", "-wal", "-shm")
