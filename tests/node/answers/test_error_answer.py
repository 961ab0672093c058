"""Failures as errors with a code, for every way to serve a command."""

import errno

import pytest

from broker.log import LogError, LogUnavailable, LogUnusable
from node.answers.error_answer import coded, error_fields
from node.errors import EnlaceError, Refused, Unavailable, UsageError

KNOWN: list[tuple[Exception, type[EnlaceError], str, str | None]] = [
    (LogUnavailable("no answer"), Unavailable, "bus_unavailable", "bus.url"),
    (LogError("a bad call"), UsageError, "bus_unusable", "bus.url"),
    (LogUnusable("version 7"), UsageError, "bus_unusable", "bus.url"),
    (OSError(errno.ENOSPC, "No space left on device", "a.db"), Unavailable, "disk_full", "a.db"),
    (OSError(errno.EDQUOT, "Disk quota exceeded"), Unavailable, "disk_full", None),
    (PermissionError(errno.EACCES, "Permission denied", "node.toml"), UsageError, "permission_denied", "node.toml"),
    (OSError(errno.EROFS, "Read-only file system", "a.db"), UsageError, "permission_denied", "a.db"),
]


@pytest.mark.parametrize(("failure", "kind", "code", "path"), KNOWN, ids=str)
def test_a_failure_that_an_operator_can_repair_has_a_code_a_path_and_a_hint(
    failure: Exception, kind: type[EnlaceError], code: str, path: str | None
) -> None:
    error = coded(failure)

    assert type(error) is kind
    assert (error.code, error.path) == (code, path)
    assert error.hint


def test_an_error_with_a_code_stays_as_it_is() -> None:
    error = Refused("not_found", "no such report", path="id")

    assert coded(error) is error
    assert error_fields(error) == {"code": "not_found", "message": "no such report", "path": "id", "hint": None}


@pytest.mark.parametrize("failure", [KeyError("x"), OSError(errno.EIO, "Input/output error")], ids=["code", "system"])
def test_every_other_failure_is_a_bug(failure: Exception) -> None:
    assert coded(failure) is None
