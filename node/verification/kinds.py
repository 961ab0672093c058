"""The table of message kinds: what each kind carries, which rules hold for it, and how a node keeps it.

Pure data. Nothing else in verification, store or exchange asks for the type of a message: they look the row up here.
A further sealed kind is one row, its schema, and the functions that the row names.

Rules:
- An open type is signed and not encrypted. Its stream decides its kind.
- A sealed type travels in `intel.*`. The header's type and the labels' kind decide its kind. The fingerprint of the
  header pins `MessageType`: a further sealed kind is a MESSAGE whose labels have a kind of their own.
"""

from collections.abc import Mapping
from typing import Final

from broker.streams import CHECKPOINTS, GOVERNANCE, KEYS, PROPOSALS, RECEIPTS, is_intel
from node.reports.labels import labels_of
from node.reports.search_terms import SearchTerms, search_terms
from node.verification import open_types, payload_rules
from node.verification.kind_types import OpenKind, SealedKind, Storage
from schemas.avro import codec
from schemas.types import (
    CheckpointBody,
    IntelligenceReport,
    KeyGrant,
    LabelKind,
    MessageType,
    Recall,
    Receipt,
    Record,
    SignedDocument,
)

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


def terms_of(payload: Record) -> SearchTerms:
    """What a payload is found by. ValueError for a kind that is not stored as a message: a bug in the table."""
    index = kind_of(payload).search_terms
    if index is None:
        raise ValueError(f"the table of kinds does not say what a {type(payload).__name__} is found by")
    return index(payload)


def read_stored(payload: bytes) -> Record:
    """Decode a payload from the store, of any kind that is stored as a message. Raises BadMessage."""
    *others, last = _STORED_PAYLOADS
    for type_ in others:
        try:
            return codec.decode(type_, payload)
        except codec.UnknownSchema:
            continue
    return codec.decode(last, payload)
