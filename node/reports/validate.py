"""From what an integrator hands in to a draft that may be sent, or the list of what is wrong with it.

Pure: the time, the topology and the messages that are known here are arguments. Nothing is stored, no audience is
decided and no message id is drawn here (node/exchange/publish.py).

Rules:
- The system fills kind, created_at and references; naming them is an unknown key. `refers_to` holds message
  ids known here.
- Without `region` the report goes to the first region that lists the originator; another one must list it too.
- Identifiers are normalised before anything is compared or hashed.
- Without `report_id` it is the UUIDv5 of originator and canonical content. The canonical content is the normalised
  report as JSON with sorted keys, without report_id, region and created_at: the same content again is recognised on any
  day, in any region.
- What could not be sealed in one record is refused here, not when it is sealed.
"""

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID, uuid5

from msgspec.structs import replace

from broker.topology import Topology, default_region
from node.errors import Refused
from node.limits import PLAINTEXT_SIZE_BYTES_MAX
from node.primitives import (
    ZERO_HASH,
    digest,
    frame,
    padded_length,
)
from node.reports.identifiers import IdentifierError, normalise
from node.reports.labels import labels_of
from node.reports.rules import check
from node.stages import Draft
from schemas.avro import codec
from schemas.avro.encoder import LimitError
from schemas.field_errors import FieldError, FieldErrors
from schemas.formats import time_text
from schemas.json_form import json_values
from schemas.types import Entity, Identifier, IntelligenceReport, LabelKind, Reference

REPORT_ID_NAMESPACE: Final = UUID("6f1d0f2e-3a64-5c1b-9d0e-5b7a4c2e8f10")  # ours; it never changes, or ids would
FILLED_HERE: Final = ("kind", "created_at", "references")
HANDED_IN: Final = (
    *(name for name in IntelligenceReport.__struct_encode_fields__ if name not in FILLED_HERE),
    "refers_to",
)
REFERENCES_MAX: Final = 1000  # the limit of an array in Labels
_NO_REPORT_ID: Final = str(UUID(int=0))
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class ReportRefused(Refused):
    """Everything that is wrong with a report, field by field."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        first = errors[0]
        super().__init__(first.code, f"{first.path}: {first.message}", path=first.path)
        self.errors = tuple(errors)


def validate(
    obj: object,
    *,
    originator: str,
    topology: Topology,
    now_ms: int,
    resolve_references: Mapping[bytes, str],
    report_id: str | None = None,
) -> Draft:
    """The draft of the report `obj`, its JSON as Python values.

    `resolve_references` maps message ids (16 bytes) known here to their originators; see `referred_ids`. `report_id`
    stands in for one that `obj` does not name. Raises `ReportRefused`.
    """
    if not isinstance(obj, dict):
        raise ReportRefused([FieldError(path="", code="not_an_object", message="a report is a JSON object")])
    errors: list[FieldError] = []
    filled = _filled_in(obj, originator, topology, now_ms, report_id, errors)
    references = _references(obj.get("refers_to", []), resolve_references, errors)
    try:
        report = json_values.from_json(IntelligenceReport, filled)
    except FieldErrors as found:
        raise ReportRefused([*errors, *map(_as_handed_in, found.errors)]) from None
    report = replace(report, references=references, entities=tuple(map(_normalised, report.entities)))
    errors += check(report)
    if errors:
        raise ReportRefused(errors)
    content = canonical_content(report)
    if report.report_id == _NO_REPORT_ID:
        report = replace(report, report_id=str(uuid5(REPORT_ID_NAMESPACE, f"{originator}\n{content}")))
    return Draft(report=report, payload=_payload(report), content_hash=digest(content.encode()))


def canonical_content(report: IntelligenceReport) -> str:
    """What makes two reports the same, as JSON with sorted keys and no spaces."""
    fields = json_values.to_json(report)
    for name in ("report_id", "region", "created_at"):
        del fields[name]
    return json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def report_id_of_key(originator: str, mapping: str, columns: Mapping[str, str]) -> str:
    """The report id of an imported row: UUIDv5 over originator, mapping id and the columns that are its key."""
    key = json.dumps(columns, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return str(uuid5(REPORT_ID_NAMESPACE, f"{originator}\n{mapping}\n{key}"))


def referred_ids(obj: object) -> tuple[bytes, ...]:
    """The well-formed message ids of `refers_to`, so that a caller can look them up before `validate`."""
    named = obj.get("refers_to", []) if isinstance(obj, dict) else []
    if not isinstance(named, list):
        return ()
    ids = [UUID(text).bytes for text in named if isinstance(text, str) and _UUID.fullmatch(text)]
    return tuple(dict.fromkeys(ids))[:REFERENCES_MAX]


def _as_handed_in(error: FieldError) -> FieldError:
    """The schema knows the keys of the payload; who hands in may not name all of them, and names `refers_to`."""
    if error.code != "unknown_key" or "." in error.path:
        return error
    near = difflib.get_close_matches(error.path, HANDED_IN, n=1)
    message = f"is not a field; did you mean {near[0]}?" if near else "is not a field"
    return FieldError(path=error.path, code=error.code, message=message, allowed=HANDED_IN)


def _filled_in(
    obj: dict[str, Any],
    originator: str,
    topology: Topology,
    now_ms: int,
    report_id: str | None,
    errors: list[FieldError],
) -> dict[str, Any]:
    """`obj` in the form of the payload; what may not stand in it goes into `errors`."""
    errors += [
        FieldError(path=name, code="unknown_key", message="is filled in here, not handed in")
        for name in FILLED_HERE
        if name in obj
    ]
    filled = {name: value for name, value in obj.items() if name not in (*FILLED_HERE, "refers_to")}
    filled |= {"kind": LabelKind.REPORT.value, "created_at": time_text(now_ms), "references": []}
    named = filled.get("report_id", report_id or _NO_REPORT_ID)
    filled["report_id"] = named.lower() if isinstance(named, str) else named
    if "report_id" in obj and filled["report_id"] == _NO_REPORT_ID:
        errors.append(FieldError(path="report_id", code="wrong_format", message="is the nil UUID, which names nothing"))
    regions = tuple(region.id for region in topology.regions if originator in region.members)
    filled.setdefault("region", default_region(topology, originator))
    if filled["region"] not in regions:
        message = f"{originator} may not publish in {filled['region']!r}"
        errors.append(FieldError(path="region", code="unknown_code", message=message, allowed=regions))
        filled["region"] = "none"
    return filled


def _references(named: object, known: Mapping[bytes, str], errors: list[FieldError]) -> tuple[Reference, ...]:
    """`refers_to` with the originator of each message."""
    if not isinstance(named, list) or len(named) > REFERENCES_MAX:
        message = f"is a list of at most {REFERENCES_MAX} message ids"
        errors.append(FieldError(path="refers_to", code="wrong_format", message=message))
        return ()
    references: list[Reference] = []
    for index, text in enumerate(named):
        path = f"refers_to[{index}]"
        if not isinstance(text, str) or not _UUID.fullmatch(text):
            errors.append(FieldError(path=path, code="wrong_format", message="is no message id (UUID text)"))
            continue
        message_id = UUID(text).bytes
        if message_id not in known:
            errors.append(
                FieldError(path=path, code="unknown_message", message="no message with this id is known here")
            )
            continue
        reference = Reference(originator=known[message_id], message_id=message_id)
        if reference in references:
            errors.append(FieldError(path=path, code="duplicate", message="is named twice"))
        references.append(reference)
    return tuple(references)


def _normalised(entity: Entity) -> Entity:
    return replace(entity, identifiers=tuple(map(_normalised_identifier, entity.identifiers)))


def _normalised_identifier(identifier: Identifier) -> Identifier:
    """The identifier in its comparable form; one that has none stays, and the rules say why."""
    try:
        return replace(identifier, value=normalise(identifier.scheme, identifier.value, identifier.country))
    except IdentifierError:
        return identifier


def _payload(report: IntelligenceReport) -> bytes:
    """The report as it will be sealed, if it fits: labels differ by their salt only, and that has a fixed size."""
    try:
        payload = codec.encode(report)
    except LimitError as error:  # from_json has settled every limit but the size of the whole
        raise _too_large(str(error)) from None
    length = len(frame(codec.encode(labels_of(report, ZERO_HASH)), payload))
    if padded_length(length) > PLAINTEXT_SIZE_BYTES_MAX:
        raise _too_large(f"labels and payload are {length:,} bytes")
    return payload


def _too_large(found: str) -> ReportRefused:
    message = f"{found}; sealed and padded at most {PLAINTEXT_SIZE_BYTES_MAX:,} fit"
    return ReportRefused([FieldError(path="", code="too_large", message=message)])
