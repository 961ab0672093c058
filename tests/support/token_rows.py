"""The rows of tokens and of the gateway as a process, for the test of the contract."""

from pathlib import Path
from typing import Any

from tests.support.contract import ok
from tests.support.processes import Daemon


def created(home: Path) -> list[dict[str, Any]]:
    """The answer of `token create`."""
    return ok("token", "create", "--name", "case-system", "--scope", "read,check", home=home)


def listed(home: Path) -> list[dict[str, Any]]:
    """The answer of `token list`."""
    return ok("token", "list", home=home)


def revoked(home: Path) -> list[dict[str, Any]]:
    """The answer of `token revoke` for the first token of the list."""
    return ok("token", "revoke", listed(home)[0]["id"], home=home)


def gateway(home: Path) -> list[dict[str, Any]]:
    """The first line of `gateway run`, which ends with 0."""
    process = Daemon(home, {"ENLACE_GATEWAY__LISTEN": "127.0.0.1:0"}, ("gateway", "run"))
    first = process.ready()
    code, _ = process.stop()

    assert code == 0
    return [first]
