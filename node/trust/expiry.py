"""Finds the documents and keys that end soon, so that operators renew them in time.

Pure. Rules:

- a warning comes 30 days, 7 days and 1 day before the end; after the end of the ROOT or of the own NODE document, the
  code is `expired`;
- nothing ends if a successor is valid then: a later version, or another key of the same use;
- of NODE documents those of all members count, because reports to a node whose document has ended are refused; of keys
  and agreements only those of this node.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from node.limits import DAY_MS
from node.trust.document_versions import ListedKey, document_time_text
from node.trust.governance import Governance
from schemas.types import KeyUse

WARN_DAYS: Final = (1, 7, 30)
EXPIRES_SOON: Final = "expires_soon"
EXPIRED: Final = "expired_document"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Something that ends at a time, in ms."""

    subject: str
    """Such as `NODE BZ`, `ROOT`, `AGREEMENT BZ-GT`, `key SEAL 1f2e3d4c` or `certificate bus.certificate_file`."""

    ends_at: int
    essential: bool = False
    """Nothing can be sealed after its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiryWarning:
    """Something ends soon, or has ended."""

    code: str
    subject: str
    ends_at: int
    days: int
    """The threshold in days that has been reached; 0 after the end."""

    @property
    def since(self) -> int:
        """When the threshold was reached, in ms."""
        return self.ends_at - self.days * DAY_MS

    @property
    def message(self) -> str:
        """What ends, and when."""
        verb = "ended" if self.days == 0 else "ends"
        return f"{self.subject} {verb} on {document_time_text(self.ends_at)}"


def endings(governance: Governance, node: str, now: int) -> list[Ending]:
    """What ends without a successor: documents, and keys and agreements of `node`, at `now` in ms."""
    return [
        *_root(governance, now),
        *_nodes(governance, node, now),
        *_keys(governance, node, now),
        *_agreements(governance, node, now),
    ]


def warnings(found: Iterable[Ending], now: int) -> list[ExpiryWarning]:
    """The warnings about `found`, the earliest end first."""
    made = []
    for ending in sorted(found, key=lambda ending: (ending.ends_at, ending.subject)):
        left = ending.ends_at - now
        if left <= 0:
            if ending.essential:
                made.append(ExpiryWarning(code=EXPIRED, subject=ending.subject, ends_at=ending.ends_at, days=0))
            continue
        reached = next((days for days in WARN_DAYS if left <= days * DAY_MS), None)
        if reached is not None:
            made.append(ExpiryWarning(code=EXPIRES_SOON, subject=ending.subject, ends_at=ending.ends_at, days=reached))
    return made


def _root(governance: Governance, now: int) -> Iterator[Ending]:
    begun = [root for root in governance.roots if root.document.from_ <= now]
    if begun:
        end = begun[-1].document.until
        if not any(root.document.from_ <= end < root.document.until for root in governance.roots):
            yield Ending(subject="ROOT", ends_at=end, essential=True)


def _nodes(governance: Governance, node: str, now: int) -> Iterator[Ending]:
    for code in governance.nodes:
        version = governance.node_at(code, now)
        if version is not None and not governance.node_valid(code, version.until):
            yield Ending(subject=f"NODE {code}", ends_at=version.until, essential=code == node)


def _keys(governance: Governance, node: str, now: int) -> Iterator[Ending]:
    for use in KeyUse:
        keys = governance.keys_of(node, use)
        for key in keys:
            if key.until is not None and key.valid_at(now) and not _replaced(keys, key.until):
                yield Ending(subject=f"key {use.value} {key.key_id.hex()[:8]}", ends_at=key.until)


def _replaced(keys: Iterable[ListedKey], end: int) -> bool:
    return any(key.valid_at(end) for key in keys)


def _agreements(governance: Governance, node: str, now: int) -> Iterator[Ending]:
    for identity, versions in governance.agreements.items():
        for version in versions:
            if not version.missing and node in version.body.parties and version.in_force(now):
                end = version.in_force_until
                if end == version.document.until and not any(other.in_force(end) for other in versions):
                    yield Ending(subject=f"AGREEMENT {identity}", ends_at=end)


def foreign_keys(governance: Governance, node: str, holds: Callable[[bytes], bool], now: int) -> list[ListedKey]:
    """Keys that a document lists in the name of `node` and that are not in its key file, without those that ended.

    The holder of such a key can read or sign in the name of the node.
    """
    keys = [key for use in KeyUse for key in governance.keys_of(node, use)]
    return [key for key in keys if not holds(key.key_id) and (key.until is None or now < key.until)]
