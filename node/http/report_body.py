"""The body that hands a report in: the report itself, or an object with the report under `report`. Pure.

The two cannot be confused: a report has no field `report`.
"""

from typing import Any, Final

from node.http.body import body_invalid
from schemas.field_errors import FieldError

ENVELOPE: Final = "report"
REPORT_BODY: Final[dict[str, Any]] = {
    "anyOf": [
        {"$ref": "#/components/schemas/Report"},
        {
            "type": "object",
            "properties": {ENVELOPE: {"$ref": "#/components/schemas/Report"}},
            "required": [ENVELOPE],
            "additionalProperties": False,
        },
    ]
}


def report_of(body: dict[str, Any]) -> dict[str, Any]:
    """The report in a body. Paths in errors are those of the report. Raises HttpError `body_invalid`."""
    if ENVELOPE not in body:
        return body
    field = None
    if len(body) > 1:
        field = FieldError(
            path=ENVELOPE,
            code="unknown_key",
            message="stands beside other keys; send the report itself, or one object with this key alone",
        )
    elif not isinstance(body[ENVELOPE], dict):
        field = FieldError(path=ENVELOPE, code="not_an_object", message="must be a report, which is a JSON object")
    if field is None:
        return dict(body[ENVELOPE])
    raise body_invalid(field)
