"""Makes a draft of a report that an integrator hands in, or refuses it with all errors.

Pure: the time, the topology and the known messages are arguments. This module stores nothing, decides no audience and
draws no message id (node/sending/publish.py).

Rules:
- The node fills kind, created_at and references; a report that has them is refused with `unknown_key`.
- `refers_to` names messages that this node knows (node/reports/references.py).
- The default region is the first that lists the originator. A region that the report names must list the originator.
- Identifiers are normalised before anything is compared or hashed.
- The default report_id is derived from originator and content (node/reports/report_ids.py).
- A report that does not fit into one sealed record is refused here and not when it is sealed.
"""

import difflib
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

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
from node.reports.consequences import independent
from node.reports.identifier_text import IdentifierError
from node.reports.identifiers import normalise
from node.reports.intake_rules import check_intake
from node.reports.labels import labels_of
from node.reports.references import Originators, read_references
from node.reports.report_ids import canonical_content, report_id_of_content
from node.reports.rules import check
from node.stages import Draft
from schemas.avro import codec
from schemas.avro.encoder import LimitError
from schemas.excerpts import quoted
from schemas.field_errors import ERRORS_MAX, FieldError
from schemas.formats import time_text
from schemas.json_form import json_values
from schemas.types import Entity, Identifier, IntelligenceReport, LabelKind

FILLED_BY_NODE: Final = ("kind", "created_at", "references")
HANDED_IN: Final = (
    *(name for name in IntelligenceReport.__struct_encode_fields__ if name not in FILLED_BY_NODE),
    "refers_to",
)
_NO_REPORT_ID: Final = str(UUID(int=0))


class ReportRefused(Refused):
    """A refused report, with the errors of all fields."""

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
    resolve_references: Originators,
    report_id: str | None = None,
    known_errors: Sequence[FieldError] = (),
) -> Draft:
    """The draft of the report `obj`, which is JSON as Python values.

    `resolve_references` has the originators of the known message ids; see `referred_ids`. `report_id` is
    used if `obj` has none. `known_errors` are those of the caller about fields that `obj` therefore lacks. Raises
    `ReportRefused` with the errors, at most `ERRORS_MAX`: those of the caller, of form, and between fields.
    """
    if not isinstance(obj, dict):
        raise ReportRefused([FieldError(path="", code="not_an_object", message="a report is a JSON object")])
    errors = list(known_errors)
    filled = _filled_in(obj, originator, topology, now_ms, report_id, errors)
    references = read_references(obj.get("refers_to", []), resolve_references, own=originator, errors=errors)
    report, of_form = json_values.read_json(IntelligenceReport, filled)
    errors += independent(map(_for_integrator, of_form), known_errors)
    report = replace(report, references=references, entities=tuple(map(_normalised, report.entities)))
    between = check(report, normalise)
    errors += independent([*between, *independent(check_intake(report, now_ms), between)], [*known_errors, *of_form])
    if errors:
        raise ReportRefused(errors[:ERRORS_MAX])
    content = canonical_content(report)
    if report.report_id == _NO_REPORT_ID:
        report = replace(report, report_id=report_id_of_content(originator, content))
    return Draft(report=report, payload=_payload(report), content_hash=digest(content.encode()))


def _for_integrator(error: FieldError) -> FieldError:
    """An unknown key of the payload, with the keys that an integrator may use: not all of them, and `refers_to`."""
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
    """`obj` in the form of the payload. Fields that it must not have are added to `errors`."""
    errors += [
        FieldError(path=name, code="unknown_key", message="is filled in by the node; leave it out")
        for name in FILLED_BY_NODE
        if name in obj
    ]
    filled = {name: value for name, value in obj.items() if name not in (*FILLED_BY_NODE, "refers_to")}
    filled |= {"kind": LabelKind.REPORT.value, "created_at": time_text(now_ms), "references": []}
    named = filled.get("report_id", report_id or _NO_REPORT_ID)
    filled["report_id"] = named.lower() if isinstance(named, str) else named
    if "report_id" in obj and filled["report_id"] == _NO_REPORT_ID:
        errors.append(
            FieldError(path="report_id", code="wrong_format", message="is the nil UUID, which identifies nothing")
        )
    regions = tuple(region.id for region in topology.regions if originator in region.members)
    filled.setdefault("region", default_region(topology, originator))
    if filled["region"] not in regions:
        message = f"{originator} may not publish in {quoted(str(filled['region']))}"
        errors.append(FieldError(path="region", code="unknown_code", message=message, allowed=regions))
        filled["region"] = "none"
    return filled


def _normalised(entity: Entity) -> Entity:
    return replace(entity, identifiers=tuple(map(_normalised_identifier, entity.identifiers)))


def _normalised_identifier(identifier: Identifier) -> Identifier:
    """The normalised identifier; an invalid one stays as it is, and the rules report it."""
    try:
        return replace(identifier, value=normalise(identifier.scheme, identifier.value, identifier.country))
    except (IdentifierError, KeyError):
        return identifier


def _payload(report: IntelligenceReport) -> bytes:
    """The encoded report, if it fits into a record. Labels differ in their salt only, whose size is fixed."""
    try:
        payload = codec.encode(report)
    except LimitError as error:  # from_json has checked all other limits
        raise _too_large(str(error)) from None
    length = len(frame(codec.encode(labels_of(report, ZERO_HASH)), payload))
    if padded_length(length) > PLAINTEXT_SIZE_BYTES_MAX:
        raise _too_large(f"labels and payload are {length:,} bytes")
    return payload


def _too_large(reason: str) -> ReportRefused:
    message = f"{reason}; a padded plaintext has at most {PLAINTEXT_SIZE_BYTES_MAX:,} bytes"
    return ReportRefused([FieldError(path="", code="too_large", message=message)])
