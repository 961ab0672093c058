"""Examines whether other users of the machine can read or write what is for the node alone."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from broker.bus import SQLITE
from node.doctor.examination import Examination, bad, fine
from node.errors import UsageError
from node.runtime.config import NODE_FILE
from node.runtime.home import Home
from node.secret_files import DATABASE_SUFFIXES, OTHERS, check_secret
from node.webhooks.webhooks import KEY_FILE

CHECK: Final = "permissions"


def permissions(home: Home) -> list[Examination]:
    """One examination for each wrong file, or one that all is well."""
    wrong = [*_exposed_secrets(home), *_open_databases(home), *_open_folders(home)]
    return wrong or [fine(CHECK, f"only the owner can read {home.path} and the secrets that its configuration names")]


def _exposed_secrets(home: Home) -> Iterator[Examination]:
    config = home.config
    for name, group_may_read in (
        (config.keys.file, False),
        (config.keys.passphrase_file, True),
        (
            config.keys.agree_file
            if config.keys.agree_file and (home.path / config.keys.agree_file).exists()
            else None,
            False,
        ),
        (KEY_FILE if (home.path / KEY_FILE).exists() else None, False),
        (config.bus.key_file, False),
        (config.gateway.key_file, False),
    ):
        if name is None:
            continue
        try:
            check_secret(home.path / name, group_may_read=group_may_read)
        except UsageError as error:
            yield bad(CHECK, error.message, error.hint or "correct the configuration, or put the file back")


def _open_databases(home: Home) -> Iterator[Examination]:
    for url in (home.store_url, home.config.bus.url):
        if not url.startswith(SQLITE):
            continue
        path = home.path / url.removeprefix(SQLITE)
        for file in (path.with_name(path.name + suffix) for suffix in DATABASE_SUFFIXES):
            yield from _open(file)


def _open_folders(home: Home) -> Iterator[Examination]:
    """The home itself and node.toml; other files of the home are behind the mode of the folder."""
    for path in (home.path, home.path / NODE_FILE):
        yield from _open(path)


def _open(path: Path) -> Iterator[Examination]:
    try:
        status = path.stat()
    except FileNotFoundError:
        return
    mode = stat.S_IMODE(status.st_mode)
    if mode & OTHERS:
        right = "0700" if path.is_dir() else "0600"
        yield bad(CHECK, f"{path} has mode {mode:04o}: other users can read or write it", f"set its mode to {right}")
    if status.st_uid not in (os.geteuid(), 0):
        yield bad(CHECK, f"{path} belongs to another user", "give it to the user of the node")
