"""The types of the table of message kinds; the rows are in `kinds`. Pure data."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from node.reports.search_terms import SearchTerms
from node.trust.governance import Governance
from schemas.types import Batch, LabelKind, Labels, MessageType, Record


class Storage(StrEnum):
    """How a node keeps a message that it verified and that it may have."""

    MESSAGE = "message"
    """With its indexes: `search` and `show` find it."""

    GRANT = "grant"
    RECEIPT = "receipt"
    COUNTED = "counted"
    """A number in `status`, and nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenKind:
    """A kind whose content anybody can read."""

    header_type: MessageType
    stream: str
    body: type[Record]
    read: Callable[[bytes, Batch, Governance], Record]
    """Step 7: decodes the body and checks it. Raises BadMessage or Rejected `body_malformed`."""

    storage: Storage
    receipts: bool = False
    """Whether recipients answer it with receipts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedKind:
    """A kind whose labels and payload only its recipients can read; they answer it with receipts."""

    name: str
    header_type: MessageType
    label_kinds: tuple[LabelKind, ...]
    payload: type[Record]
    storage: Storage
    refers_to: bool = False
    """Whether its header names other messages."""

    needs_clause: bool = True
    """Step 17: whether a clause must cover its labels."""

    check: Callable[[Any], None] | None = None
    """Step 16: checks the payload. Raises Rejected."""

    labels_of: Callable[[Any, bytes], Labels] | None = None
    """Step 16: the labels that belong to a payload, with the salt. None: labels are not derived from the payload."""

    region_of: Callable[[Any], str] | None = None
    """Step 16: the region that a payload names. None: it names no region."""

    search_terms: Callable[[Any], SearchTerms] | None = None
    """What it is found by; needed if it is stored as a message."""
