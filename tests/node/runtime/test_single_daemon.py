"""node/runtime/single_daemon.py: the lock of a home is a regular file."""

import os
from pathlib import Path

import pytest

from node.errors import UsageError
from node.runtime.single_daemon import LOCK_FILE, is_running, only_daemon


def test_a_pipe_or_a_folder_in_place_of_the_lock_is_an_error_and_is_not_waited_for(tmp_path: Path) -> None:
    """For each command that asks whether a daemon runs, and for the daemon."""
    for make in (os.mkfifo, os.mkdir):
        home = tmp_path / make.__name__
        home.mkdir()
        make(home / LOCK_FILE)
        with pytest.raises(UsageError, match="not a regular file"):
            is_running(home)
        with pytest.raises(UsageError, match="not a regular file"), only_daemon(home):
            pass
