"""`version`: which program this is, and which wire format it speaks."""

import json
import platform
import sqlite3
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

from node.limits import WIRE_VERSION

DISTRIBUTION: Final = "enlace"
_CHECKOUT: Final = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """The versions of the program and of what it depends on."""

    version: str
    commit: str | None
    """The git commit, in a checkout or of an installation from git; else None."""

    python: str
    sqlite: str
    wire: int
    """The version of the wire format."""


def version() -> Version:
    """The versions of this installation."""
    return Version(
        version=metadata.version(DISTRIBUTION),
        commit=_commit_of_checkout(_CHECKOUT / ".git") or _commit_of_installation(),
        python=platform.python_version(),
        sqlite=sqlite3.sqlite_version,
        wire=WIRE_VERSION,
    )


def _commit_of_checkout(git: Path) -> str | None:
    """The commit that is checked out, from git's files; None without a repository."""
    try:
        if git.is_file():  # a worktree: the file names its folder
            git = git.parent / git.read_text("utf-8").removeprefix("gitdir:").strip()
        head = (git / "HEAD").read_text("utf-8").strip()
        if not head.startswith("ref: "):
            return head
        common = git / "commondir"
        shared = git / common.read_text("utf-8").strip() if common.exists() else git
        return _commit_of_branch(shared, head.removeprefix("ref: "))
    except (OSError, UnicodeDecodeError):
        return None


def _commit_of_branch(git: Path, name: str) -> str | None:
    if (git / name).exists():
        return (git / name).read_text("utf-8").strip()
    for line in (git / "packed-refs").read_text("utf-8").splitlines():
        if line.endswith(f" {name}"):
            return line.split(" ", maxsplit=1)[0]
    return None


def _commit_of_installation() -> str | None:
    """The commit that pip recorded when it installed from git (PEP 610)."""
    recorded = metadata.distribution(DISTRIBUTION).read_text("direct_url.json")
    if recorded is None:
        return None
    commit = json.loads(recorded).get("vcs_info", {}).get("commit_id")
    return commit if isinstance(commit, str) else None
