"""node/files.py: atomic writes, and secrets that only their owner can read."""

import os
from pathlib import Path

import pytest

from node import files, secret_files
from node.errors import UsageError


def test_a_file_is_written_with_its_mode(tmp_path: Path) -> None:
    """And nothing else stays in the folder."""
    path = tmp_path / "secret"
    files.write_file(path, b"x", mode=secret_files.SECRET_MODE)

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

    assert secret_files.read_secret(path) == b"x"


@pytest.mark.parametrize(
    ("mode", "group_may_read"),
    [(0o640, False), (0o620, False), (0o604, False), (0o602, False), (0o644, True), (0o620, True), (0o610, True)],
)
def test_a_secret_that_others_can_read_or_write_is_refused(tmp_path: Path, mode: int, group_may_read: bool) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"x")
    path.chmod(mode)
    with pytest.raises(UsageError) as caught:
        secret_files.read_secret(path, group_may_read=group_may_read)

    assert caught.value.code == "secret_exposed"
    assert caught.value.path == str(path)


def test_a_passphrase_may_be_readable_by_its_group(tmp_path: Path) -> None:
    """Service managers pass it with mode 0440."""
    path = tmp_path / "passphrase"
    path.write_bytes(b"x")
    path.chmod(0o440)

    assert secret_files.read_secret(path, group_may_read=True) == b"x"


def test_a_secret_that_is_missing_too_large_or_not_a_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secret_files, "SECRET_SIZE_BYTES_MAX", 3)
    large = tmp_path / "large"
    files.write_file(large, b"four", mode=secret_files.SECRET_MODE)
    codes = []
    for path in (tmp_path / "missing", large, Path(os.devnull)):
        with pytest.raises(UsageError) as caught:
            secret_files.read_secret(path)
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


def test_a_file_is_made_for_its_owner_only(tmp_path: Path) -> None:
    """Whatever the umask of the process is."""
    before = os.umask(0)
    try:
        files.write_file(tmp_path / "whole", b"x")
        with files.new_text_file(tmp_path / "lines") as file:
            file.write("x\n")
    finally:
        os.umask(before)

    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


@pytest.mark.parametrize("taken", ["file", "dangling link", "folder"])
def test_an_output_never_takes_a_name_that_exists(tmp_path: Path, taken: str) -> None:
    """The hint is to name another file: to remove the file that is there may be the mistake."""
    path = tmp_path / "out"
    match taken:
        case "file":
            path.write_bytes(b"old")
        case "dangling link":
            path.symlink_to(tmp_path / "nothing")
        case "folder":
            path.mkdir()
    for write in (lambda: files.write_file(path, b"new"), files.new_text_file(path).__enter__):
        with pytest.raises(UsageError) as caught:
            write()
        assert (caught.value.code, caught.value.hint) == ("file_exists", "name another file")

    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("place", ["missing/out", "file/out", "x" * 300])
def test_an_output_without_a_folder_is_an_error_of_usage(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    for write in (lambda: files.write_file(tmp_path / place, b""), files.new_text_file(tmp_path / place).__enter__):
        with pytest.raises(UsageError) as caught:
            write()
        assert caught.value.code == "file_unwritable"


def test_an_output_that_fails_before_its_first_line_leaves_no_file(tmp_path: Path) -> None:
    """So the next try can use the name. What was written stays."""
    for name, text in (("empty", ""), ("begun", "line\n")):
        with pytest.raises(ZeroDivisionError), files.new_text_file(tmp_path / name) as file:  # noqa: PT012
            file.write(text)
            raise ZeroDivisionError

    assert [path.name for path in tmp_path.iterdir()] == ["begun"]


def test_a_file_system_without_links_keeps_the_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_links(*_: object) -> None:
        raise PermissionError(1, "no links here")

    monkeypatch.setattr(os, "link", without_links)
    files.write_file(tmp_path / "file", b"old")
    with pytest.raises(UsageError) as caught:
        files.write_file(tmp_path / "file", b"new")

    assert caught.value.code == "file_exists"
    assert (tmp_path / "file").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_pipe_is_read_only_if_a_user_may_name_one(tmp_path: Path) -> None:
    """As `<(command)` of a shell. A configuration that is a pipe would stop a node."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(UsageError) as caught:
        files.read_file(pipe, 10)
    reader, writer = os.pipe()
    os.write(writer, b"text")
    os.close(writer)

    assert caught.value.code == "file_unreadable"
    assert files.read_file(Path(f"/dev/fd/{reader}"), 10, pipe=True) == b"text"
    os.close(reader)
