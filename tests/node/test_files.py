"""node/files.py: atomic writes, and secrets that only their owner can read."""

import os
from pathlib import Path

import pytest

from node import files
from node.errors import UsageError


def test_a_file_is_written_with_its_mode(tmp_path: Path) -> None:
    """And nothing else stays in the folder."""
    path = tmp_path / "secret"
    files.write_file(path, b"x", mode=files.SECRET_MODE)

    assert path.read_bytes() == b"x"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_exists_is_kept_unless_the_caller_replaces_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    files.write_file(path, b"old")
    with pytest.raises(UsageError) as caught:
        files.write_file(path, b"new")

    assert caught.value.code == "file_exists"
    assert path.read_bytes() == b"old"
    files.write_file(path, b"new", replace=True)
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the disk fails before the bytes are safe."""
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(_descriptor: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no space left"):
        files.write_file(path, b"new", replace=True)

    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_folder_belongs_to_its_user_only(tmp_path: Path) -> None:
    """A name that is taken is refused."""
    path = tmp_path / "a" / "b"
    files.make_folder(path)

    assert path.stat().st_mode & 0o777 == 0o700
    with pytest.raises(UsageError) as caught:
        files.make_folder(path)
    assert caught.value.code == "file_exists"


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    """Here because its parent is a file."""
    (tmp_path / "file").touch()
    with pytest.raises(UsageError) as caught:
        files.make_folder(tmp_path / "file" / "folder")

    assert caught.value.code == "folder_unwritable"


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_secret_of_its_owner_is_read(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"x")
    path.chmod(mode)

    assert files.read_secret(path) == b"x"


@pytest.mark.parametrize(
    ("mode", "group_may_read"),
    [(0o640, False), (0o620, False), (0o604, False), (0o602, False), (0o644, True), (0o620, True), (0o610, True)],
)
def test_a_secret_that_others_can_read_or_write_is_refused(tmp_path: Path, mode: int, group_may_read: bool) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"x")
    path.chmod(mode)
    with pytest.raises(UsageError) as caught:
        files.read_secret(path, group_may_read=group_may_read)

    assert caught.value.code == "secret_exposed"
    assert caught.value.path == str(path)


def test_a_passphrase_may_be_readable_by_its_group(tmp_path: Path) -> None:
    """Service managers pass it with mode 0440."""
    path = tmp_path / "passphrase"
    path.write_bytes(b"x")
    path.chmod(0o440)

    assert files.read_secret(path, group_may_read=True) == b"x"


def test_a_secret_that_is_missing_too_large_or_not_a_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "SECRET_SIZE_BYTES_MAX", 3)
    large = tmp_path / "large"
    files.write_file(large, b"four", mode=files.SECRET_MODE)
    codes = []
    for path in (tmp_path / "missing", large, Path(os.devnull)):
        with pytest.raises(UsageError) as caught:
            files.read_secret(path)
        codes.append(caught.value.code)

    assert codes == ["secret_unreadable", "secret_unreadable", "secret_exposed"]


def test_a_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"1234")

    assert files.read_file(path, 4) == b"1234"
    with pytest.raises(UsageError) as caught:
        files.read_file(path, 3)
    assert caught.value.code == "file_too_large"


@pytest.mark.parametrize("data", [None, b"\xff"], ids=["missing", "not UTF-8"])
def test_a_text_that_is_missing_or_not_utf_8_is_refused(tmp_path: Path, data: bytes | None) -> None:
    path = tmp_path / "text"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(UsageError) as caught:
        files.read_text(path)

    assert caught.value.code == "file_unreadable"
