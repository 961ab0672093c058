"""Scopes: what a caller of the gateway may do."""

from enum import StrEnum


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
