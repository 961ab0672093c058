"""`version`: the commit comes from the files of git."""

from pathlib import Path

import pytest

from node.commands import version as versions

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def repository(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder / ".git"


@pytest.mark.parametrize(
    "files",
    [
        {".git/HEAD": "ref: refs/heads/main\n", ".git/refs/heads/main": f"{COMMIT}\n"},
        {".git/HEAD": "ref: refs/heads/main\n", ".git/packed-refs": f"# pack-refs\n{COMMIT} refs/heads/main\n"},
        {".git/HEAD": f"{COMMIT}\n"},
        {
            ".git": "gitdir: main/.git/worktrees/one\n",
            "main/.git/worktrees/one/HEAD": "ref: refs/heads/one\n",
            "main/.git/worktrees/one/commondir": "../..\n",
            "main/.git/refs/heads/one": f"{COMMIT}\n",
        },
    ],
    ids=["a branch", "a packed branch", "a commit", "a worktree"],
)
def test_the_commit_is_that_of_the_checkout(tmp_path: Path, files: dict[str, str]) -> None:
    assert versions._commit_of_checkout(repository(tmp_path, files)) == COMMIT


def test_without_a_repository_there_is_no_commit(tmp_path: Path) -> None:
    assert versions._commit_of_checkout(tmp_path / ".git") is None
