"""What governance knows of keys and documents, as immutable values: the types that its answers are made of.

Pure data. governance.py makes these; policy.py, audience.py and verify.py read them. Times are milliseconds since 1970;
each interval holds its beginning and not its end.
"""

from dataclasses import dataclass
from typing import Final

from schemas.formats import time_text
from schemas.types import Agreement, Clause, Document, KeyReason, KeyUse, Node, Root

NEVER: Final = 2**63 - 1  # later than any time of a document
ANY: Final = ("*",)  # of a clause: every code, also one of later lists


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedKey:
    """A public key as the newest document of its holder lists it; it has passed keys.check_public."""

    key_id: bytes
    node: str
    """Code of the node, the trustee's id, or REGISTRY."""

    use: KeyUse
    suite: int
    public: bytes
    from_: int
    until: int | None
    """Of a COMPROMISED key since when it is compromised, not when that was discovered."""

    reason: KeyReason

    def valid_at(self, t: int) -> bool:
        """Whether the key may be used at t."""
        return self.from_ <= t and (self.until is None or t < self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class RootVersion:
    """A ROOT that its own and the previous threshold signed."""

    hash: bytes
    document: Document
    body: Root


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeVersion:
    """A NODE document that has effect."""

    hash: bytes
    document: Document
    body: Node

    def valid_at(self, t: int) -> bool:
        """Whether the document is valid at t; that it is the version of that time is for `Governance.node_at`."""
        return self.document.from_ <= t < self.document.until


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementVersion:
    """One version of an agreement, signed or not; only with nothing missing can it be in force."""

    hash: bytes
    document: Document
    body: Agreement
    missing: tuple[str, ...]
    """Parties whose signature does not hold or is not there."""

    superseded_from: int
    """From when a higher version that has effect takes its place; NEVER if none does."""

    in_force_from: int
    in_force_until: int
    """Equal to `in_force_from` or lower if it is never in force."""

    @property
    def id(self) -> str:
        """The agreement's id."""
        return self.document.id

    @property
    def version(self) -> int:
        """From 1."""
        return self.document.version

    def clause(self, clause_id: str) -> Clause | None:
        """The clause of this id."""
        return next((clause for clause in self.body.clauses if clause.id == clause_id), None)

    def in_force(self, t: int) -> bool:
        """Highest version with from <= t, t before its until, status IN_FORCE, signed by all parties."""
        return self.in_force_from <= t < self.in_force_until


def document_time_text(ms: int) -> str:
    """The time as text; a document may name one that no calendar shows, and that must stop nobody."""
    try:
        return time_text(ms)
    except OverflowError:
        return f"{ms} ms after 1970"


ClauseInForce = tuple[AgreementVersion, Clause]
