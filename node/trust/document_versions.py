"""The values that governance returns: listed keys, and the versions of ROOT, NODE and AGREEMENT documents.

Pure data without rules of its own. document_set.py makes the versions; admission.py decides which of them have effect.
Times are milliseconds since 1970. An interval includes its beginning and excludes its end.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from node.sealing.public_keys import key_id
from schemas.formats import time_text
from schemas.types import Agreement, Clause, Document, Key, KeyReason, KeyUse, Node, Root

ANY: Final = ("*",)  # the list of a clause that covers every code, including codes of later lists


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedKey:
    """A public key as the newest document of its holder lists it. It has passed public_keys.check_public."""

    key_id: bytes
    node: str
    """The holder: a node code, a trustee id, or REGISTRY."""

    use: KeyUse
    suite: int
    public: bytes
    from_: int
    until: int | None
    """For a COMPROMISED key the time of the compromise, not the time of its discovery."""

    reason: KeyReason

    def valid_at(self, t: int) -> bool:
        """Whether the key may be used at t."""
        return self.from_ <= t and (self.until is None or t < self.until)


def listed_key(holder: str, key: Key) -> ListedKey:
    """A key of a document with its holder and its id."""
    return ListedKey(
        key_id=key_id(holder, key.use, key.suite, key.public),
        node=holder,
        use=key.use,
        suite=key.suite,
        public=key.public,
        from_=key.from_,
        until=key.until,
        reason=key.reason,
    )


def listed_keys(holder: str, keys: Iterable[Key]) -> tuple[ListedKey, ...]:
    """All keys that a document lists for one holder."""
    return tuple(listed_key(holder, key) for key in keys)


def trustee_keys(root: Root) -> tuple[ListedKey, ...]:
    """The key of each trustee of a ROOT."""
    return tuple(listed_key(trustee.id, trustee.key) for trustee in root.trustees)


@dataclass(frozen=True, slots=True, kw_only=True)
class RootVersion:
    """A ROOT that has effect."""

    hash: bytes
    document: Document
    body: Root


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeVersion:
    """A NODE document that has effect."""

    hash: bytes
    document: Document
    body: Node
    until: int
    """The end of the document, or of the ROOT that it names if that is earlier."""

    stops: bool = False
    """It only revokes keys of the version before."""

    def valid_at(self, t: int) -> bool:
        """Whether the document is valid at t. `Governance.node_at` decides which version applies at t."""
        return self.document.from_ <= t < self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementVersion:
    """One version of an agreement. It can only be in force if no signature is missing."""

    hash: bytes
    document: Document
    body: Agreement
    missing: tuple[str, ...]
    """Parties without a valid signature."""

    stops: bool = False
    """It only stops the agreement of the version before."""

    in_force_from: int = 0
    """When it begins to count: a stop never before this node had it (agreement_times.py)."""

    in_force_until: int = 0
    """`until`, or when a stop or a higher version begins. At most `in_force_from` if it is never in force."""

    @property
    def id(self) -> str:
        """The agreement's id."""
        return self.document.id

    def in_force(self, t: int) -> bool:
        """Begun and not ended, not stopped or replaced, status IN_FORCE, signed by all parties."""
        return self.in_force_from <= t < self.in_force_until


AnyVersion = RootVersion | NodeVersion | AgreementVersion

ClauseInForce = tuple[AgreementVersion, Clause]


def document_time_text(ms: int) -> str:
    """A time of a document as text. A time outside the calendar is shown as a number, so that no command fails."""
    try:
        return time_text(ms)
    except OverflowError:
        return f"{ms} ms after 1970"
