"""The forms in which a draft keeps its labels and search terms until its message is stored: JSON. Pure.

They spare sealing and reading back the decoding of the report. Another version of Enlace may have written them: what is
not exactly of the current form counts as absent, and is derived from the report again.
"""

from typing import Final

import msgspec

from node.reports.search_terms import SearchTerms
from schemas.types import Labels

_LABELS: Final = msgspec.json.Decoder(Labels)
_TERMS: Final = msgspec.json.Decoder(SearchTerms)
_ENCODER: Final = msgspec.json.Encoder()


def keep_labels(labels: Labels) -> bytes:
    """The labels as JSON."""
    return _ENCODER.encode(labels)


def kept_labels(data: bytes | None) -> Labels | None:
    """The labels that `keep_labels` wrote; None if there are none in the current form."""
    try:
        return _LABELS.decode(data) if data is not None else None
    except msgspec.DecodeError:
        return None


def keep_terms(terms: SearchTerms) -> bytes:
    """The search terms as JSON."""
    return _ENCODER.encode(terms)


def kept_terms(data: bytes | None) -> SearchTerms | None:
    """The search terms that `keep_terms` wrote; None if there are none in the current form."""
    try:
        return _TERMS.decode(data) if data is not None else None
    except msgspec.DecodeError:
        return None
