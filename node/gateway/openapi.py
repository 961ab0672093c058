"""Makes the OpenAPI document (3.1) from the table of endpoints and the types of their answers. Pure.

- A schema of an answer derives from the type that the endpoint answers with, so the two cannot differ.
- The schema of a report is that of docs/report.schema.json.
- `security` names the scopes, of which one is enough.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from node.gateway.endpoint import Endpoint, Parameter, Schema
from node.gateway.problem import CONTENT_TYPE, TITLES
from node.http.answer_schemas import AnswerSchemas
from node.http.media_types import JSON
from node.http.stated_reason import PURPOSE_HEADER, REASON_HEADER
from schemas import codes
from schemas.field_errors import FieldError
from schemas.tools.report_schema import report_schema

VERSION: Final = "1"
BEARER: Final = "bearer"
REPORT: Final = "Report"
PROBLEM: Final = "ProblemBody"
_PART: Final = re.compile(r"\{(\w+)\}")
_DESCRIBED: Final = """The interface over HTTP of one node of Enlace.

Errors are problem bodies (RFC 9457): `code` is stable, `errors` names each field that is wrong. Reports that are handed
in are known by their content: the same report again is `duplicate`, so a request can be repeated."""
_CONSULTING: Final = (
    Parameter(
        name=PURPOSE_HEADER,
        summary="Why the caller consults reports, a code of the list of purposes; the access log keeps it",
        schema={"type": "string", "enum": list(codes.load("purposes").ordered)},
        required=True,
    ),
    Parameter(
        name=REASON_HEADER,
        summary="The reason in words; UTF-8, or percent-encoded after `UTF-8''` (RFC 8187)",
        schema={"type": "string", "minLength": 1, "maxLength": 500, "pattern": r"\S"},
        required=True,
    ),
)


def openapi_document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """The document of these endpoints, as plain JSON data."""
    schemas = AnswerSchemas()
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, schemas)
    report = report_schema()
    del report["$schema"]
    problem = _problem(schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Enlace gateway", "version": VERSION, "description": _DESCRIBED},
        "paths": paths,
        "components": {
            "schemas": {REPORT: report, PROBLEM: problem, **schemas.components},
            "securitySchemes": {BEARER: {"type": "http", "scheme": BEARER}},
        },
    }


def _operation(endpoint: Endpoint, schemas: AnswerSchemas) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": operation_id(endpoint),
        "summary": endpoint.summary,
        "parameters": _parameters(endpoint),
        "responses": _responses(endpoint, schemas),
        "security": [{BEARER: [scope.value]} for scope in sorted(endpoint.scopes or ())],
    }
    if endpoint.body:
        content = {media_type: {"schema": _schema(schema, schemas)} for media_type, schema in endpoint.body.items()}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def operation_id(endpoint: Endpoint) -> str:
    """A name such as `post_reports_batch`."""
    words = re.findall(r"\w+", endpoint.path.removeprefix("/v1"))
    return "_".join([endpoint.method.lower(), *words])


def _parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    inside = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PART.findall(endpoint.path)
    ]
    headers = (*endpoint.headers, *(_CONSULTING if endpoint.consults else ()))
    return [
        *inside,
        *(_parameter(parameter, "query") for parameter in endpoint.query),
        *(_parameter(parameter, "header") for parameter in headers),
    ]


def _parameter(parameter: Parameter, place: str) -> dict[str, Any]:
    schema = dict(parameter.schema)
    described = {"name": parameter.name, "in": place, "description": parameter.summary, "required": parameter.required}
    if parameter.repeated:
        return described | {"schema": {"type": "array", "items": schema}, "style": "form", "explode": True}
    return described | {"schema": schema}


def _responses(endpoint: Endpoint, schemas: AnswerSchemas) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, schema in sorted(endpoint.answers.items()):
        described: dict[str, Any] = {"description": TITLES.get(status, "Done")}
        if schema is not None:
            described["content"] = {endpoint.produces or JSON: {"schema": _schema(schema, schemas)}}
        elif endpoint.produces is not None:
            described["content"] = {endpoint.produces: {}}
        responses[str(status)] = described
    reference = {"$ref": f"#/components/schemas/{PROBLEM}"}
    responses["default"] = {"description": "An error", "content": {CONTENT_TYPE: {"schema": reference}}}
    return responses


def _schema(schema: Schema, schemas: AnswerSchemas) -> dict[str, Any]:
    return dict(schema) if isinstance(schema, Mapping) else schemas.of(schema)


def _problem(schemas: AnswerSchemas) -> dict[str, Any]:
    text = {"type": ["string", "null"]}
    properties = {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "Stable; docs/errors.md has its meaning and its remedy"},
        "path": text | {"description": "The field, the parameter or the header"},
        "hint": text,
        "errors": schemas.of(tuple[FieldError, ...]),
    }
    return {"type": "object", "description": "RFC 9457", "properties": properties, "required": list(properties)}
