"""The table of message kinds: what each kind carries, which rules hold for it, and how a node keeps it.

Pure data. Nothing else in verification, store or exchange asks for the type of a message: they look the row up here.
A further sealed kind is one row, its schema, and the functions that the row names.

Rules:
- An open type is signed and not encrypted. Its stream decides its kind.
- A sealed type travels in `intel.*`. The header's type and the labels' kind decide its kind. The fingerprint of the
  header pins `MessageType`: a further sealed kind is a MESSAGE whose labels have a kind of their own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from broker.streams import CHECKPOINTS, GOVERNANCE, KEYS, PROPOSALS, RECEIPTS, is_intel
from node.reports.labels import labels_of
from node.reports.search_terms import SearchTerms, search_terms
from node.trust.governance import Governance
from node.verification import open_types, payload_rules
from schemas.avro import codec
from schemas.types import (
    Batch,
    CheckpointBody,
    IntelligenceReport,
    KeyGrant,
    LabelKind,
    Labels,
    MessageType,
    Recall,
    Receipt,
    Record,
    SignedDocument,
)


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


_OPEN_KINDS: Final = (
    OpenKind(
        header_type=MessageType.KEY_GRANT,
        stream=KEYS,
        body=KeyGrant,
        read=open_types.read_grant,
        storage=Storage.GRANT,
        receipts=True,
    ),
    OpenKind(
        header_type=MessageType.RECEIPT,
        stream=RECEIPTS,
        body=Receipt,
        read=open_types.read_receipt,
        storage=Storage.RECEIPT,
    ),
    OpenKind(
        header_type=MessageType.CHECKPOINT,
        stream=CHECKPOINTS,
        body=CheckpointBody,
        read=open_types.read_checkpoint,
        storage=Storage.COUNTED,
    ),
    OpenKind(
        header_type=MessageType.PROPOSAL,
        stream=PROPOSALS,
        body=SignedDocument,
        read=open_types.read_document,
        storage=Storage.COUNTED,
    ),
    OpenKind(
        header_type=MessageType.DOCUMENT,
        stream=GOVERNANCE,
        body=SignedDocument,
        read=open_types.read_document,
        storage=Storage.COUNTED,
    ),
)

OPEN_KINDS: Final[Mapping[str, OpenKind]] = {kind.stream: kind for kind in _OPEN_KINDS}
"""Stream -> the only kind in it."""

SEALED_KINDS: Final = (
    SealedKind(
        name="REPORT",
        header_type=MessageType.MESSAGE,
        label_kinds=tuple(kind for kind in LabelKind if kind is not LabelKind.RECALL),
        payload=IntelligenceReport,
        storage=Storage.MESSAGE,
        check=payload_rules.check_report,
        labels_of=labels_of,
        region_of=lambda report: report.region,
        search_terms=search_terms,
    ),
    SealedKind(
        name="RECALL",
        header_type=MessageType.RECALL,
        label_kinds=(LabelKind.RECALL,),
        payload=Recall,
        storage=Storage.COUNTED,
        refers_to=True,
        needs_clause=False,
    ),
)
"""The kinds in `intel.*`. Of those with one type, the first is taken if no row has the kind of the labels."""

SEALED_TYPES: Final = tuple({kind.header_type: None for kind in SEALED_KINDS})
REFERRING_TYPES: Final = tuple({kind.header_type: None for kind in SEALED_KINDS if kind.refers_to})
_BY_PAYLOAD: Final[Mapping[type, SealedKind]] = {kind.payload: kind for kind in SEALED_KINDS}
_STORED_PAYLOADS: Final = tuple(kind.payload for kind in SEALED_KINDS if kind.storage is Storage.MESSAGE)


def is_stream(stream: str) -> bool:
    """Whether this version knows a kind that travels in `stream`."""
    return stream in OPEN_KINDS or is_intel(stream)


def sealed_kind(header_type: MessageType, label_kind: LabelKind) -> SealedKind:
    """The kind of a message of a sealed type."""
    own = [kind for kind in SEALED_KINDS if kind.header_type is header_type]
    return next((kind for kind in own if label_kind in kind.label_kinds), own[0])


def kind_of(payload: Record) -> SealedKind:
    """The kind of a decoded payload."""
    return _BY_PAYLOAD[type(payload)]


def read_stored(payload: bytes) -> Record:
    """Decode a payload from the store, of any kind that is stored as a message. Raises BadMessage."""
    *others, last = _STORED_PAYLOADS
    for type_ in others:
        try:
            return codec.decode(type_, payload)
        except codec.UnknownSchema:
            continue
    return codec.decode(last, payload)
