"""The JSON of a report that a caller hands in, in each of the forms that it may have. Pure.

A caller gives a mapping, JSON as text or bytes, or the type that the schemas generate (IntelligenceReport). Of that
type, the fields that the node fills in are left out: an integrator must not give them.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from enlace.errors import AnswerMalformed, InvalidCall
from schemas.json_form import json_values, strict_json
from schemas.types import IntelligenceReport

Report = Mapping[str, Any] | IntelligenceReport | str | bytes
"""A report that can be handed in."""

NOTHING: Final = b"null"
"""The line of a report without text: the gateway would skip a blank line, and each report has an answer."""

FILLED_BY_NODE: Final = ("kind", "created_at", "references")


def json_of(report: Report) -> bytes:
    """The report as JSON. Raises InvalidCall if it cannot be JSON; the gateway checks everything else."""
    try:
        match report:
            case IntelligenceReport():
                return msgspec.json.encode(handed_in(report))
            case Mapping():
                return msgspec.json.encode(dict(report))
            case str():
                return report.encode().strip()
        return bytes(report).strip()
    except (TypeError, ValueError, RecursionError) as error:
        raise _not_json(str(error)) from None


def line_of(report: Report) -> bytes:
    """The report as JSON on one line, as a batch needs it. Raises InvalidCall."""
    data = json_of(report) or NOTHING
    if b"\n" not in data and b"\r" not in data:
        return data
    try:
        return msgspec.json.encode(strict_json.decode(data))
    except strict_json.JsonError as error:
        raise _not_json(error.message) from None


def _not_json(reason: str) -> InvalidCall:
    return InvalidCall("not_json", f"the report cannot be written as JSON: {reason}", path="report")


def handed_in(report: IntelligenceReport) -> dict[str, Any]:
    """The fields of a report that an integrator gives."""
    fields = json_values.to_json(report)
    refers_to = [reference["message_id"] for reference in fields.get("references", ())]
    given = {name: value for name, value in fields.items() if name not in FILLED_BY_NODE}
    return given | ({"refers_to": refers_to} if refers_to else {})


def typed_report(content: Mapping[str, Any] | None) -> IntelligenceReport:
    """The type of the JSON of a message. Raises AnswerMalformed if it is not whole.

    Keys of a later version are ignored.
    """
    if content is None:
        raise AnswerMalformed("report_missing", "the message has no report; see its decision")
    fields: dict[str, Any] = dict(content)
    report, errors = json_values.read_json(IntelligenceReport, fields)
    later = {error.path for error in errors if error.code == "unknown_key" and error.path in fields}
    if later:
        fields = {name: value for name, value in fields.items() if name not in later}
        report, errors = json_values.read_json(IntelligenceReport, fields)
    if errors:
        first = errors[0]
        raise AnswerMalformed("report_malformed", f"{first.path} {first.message}", path=first.path)
    return report
