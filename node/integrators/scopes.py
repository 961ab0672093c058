"""Scopes: what a caller of the gateway may do."""

from collections.abc import Sequence
from enum import StrEnum

from node.errors import UsageError
from schemas.excerpts import quoted


class Scope(StrEnum):
    """One right. A caller has those that an administrator gave it; no scope contains another."""

    PUBLISH = "publish"
    """Hand reports in, and learn what became of the own ones."""

    READ = "read"
    """Search, show and follow the reports that this node holds."""

    CHECK = "check"
    """Ask whether a report is here about an identifier."""

    AUDIT = "audit"
    """See what was withheld or quarantined, and what became of each own report."""

    ADMIN = "admin"
    """Administer webhooks, read metrics."""


ALL: frozenset[Scope] = frozenset(Scope)


def read_scopes(names: Sequence[str]) -> list[Scope]:
    """The scopes that names mean, each once, in the order of `Scope`. Raises UsageError."""
    wanted = {name.strip().lower() for name in names} - {""}
    unknown = wanted - {scope.value for scope in Scope}
    if unknown or not wanted:
        message = f"{quoted(min(unknown))} is not a scope" if unknown else "a scope is needed"
        raise UsageError("value_invalid", message, path="scope", hint=f"one or several of {', '.join(Scope)}")
    return [scope for scope in Scope if scope.value in wanted]
