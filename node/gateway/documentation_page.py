"""Writes the OpenAPI document as a page for people: one file, no script, nothing loaded from elsewhere. Pure."""

import base64
from collections.abc import Iterator
from hashlib import sha256
from html import escape
from typing import Any, Final

import msgspec

STYLE: Final = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
body { color: #1a1a1a; background: #fff; }
h2 { border-top: 1px solid #8a8a8a; padding-top: 1rem; margin-top: 2rem; overflow-wrap: anywhere; }
h2 code { font-size: 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; border-bottom: 1px solid #c4c4c4; padding: .3rem .8rem .3rem 0; }
pre { background: #f3f3f3; padding: .8rem; overflow-x: auto; }
a { color: #0b4f9e; }
"""
STYLE_POLICY: Final = f"style-src 'sha256-{base64.b64encode(sha256(STYLE.encode()).digest()).decode()}'"


def page_of(document: dict[str, Any]) -> bytes:
    """The page in UTF-8."""
    info = document["info"]
    operations = [
        (path, method, operation) for path, item in document["paths"].items() for method, operation in item.items()
    ]
    parts = [
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(info['title'])}</title><style>{STYLE}</style></head><body>",
        f"<header><h1>{escape(info['title'])}</h1>",
        *(f"<p>{escape(paragraph)}</p>" for paragraph in info["description"].split("\n\n")),
        '<p><a href="openapi.json">OpenAPI document</a></p></header><nav aria-label="Requests"><ul>',
        *(_entry(path, method, operation) for path, method, operation in operations),
        "</ul></nav><main>",
        *(part for path, method, operation in operations for part in _operation(path, method, operation)),
        *_schemas(document["components"]["schemas"]),
        "</main></body></html>",
    ]
    return "".join(parts).encode()


def _entry(path: str, method: str, operation: dict[str, Any]) -> str:
    name = f"{method.upper()} {path}"
    return f'<li><a href="#{escape(operation["operationId"])}">{escape(name)}</a></li>'


def _operation(path: str, method: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f'<section id="{escape(operation["operationId"])}"><h2><code>{escape(f"{method.upper()} {path}")}</code></h2>'
    yield f"<p>{escape(operation['summary'])}.</p><p>{escape(_scopes(operation))}</p>"
    if operation["parameters"]:
        yield "<table><caption>Parameters</caption><tr><th>name</th><th>in</th><th>what</th></tr>"
        for parameter in operation["parameters"]:
            needed = " (needed)" if parameter["required"] else ""
            cells = (parameter["name"], f"{parameter['in']}{needed}", parameter.get("description", ""))
            yield f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
        yield "</table>"
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"<h3>Body: {escape(media_type)}</h3>{_json(content['schema'])}"
    for status, response in operation["responses"].items():
        for media_type, content in response.get("content", {}).items():
            yield f"<h3>{escape(status)}: {escape(media_type)}</h3>{_json(content.get('schema', {}))}"
    yield "</section>"


def _scopes(operation: dict[str, Any]) -> str:
    scopes = [scope for needed in operation["security"] for names in needed.values() for scope in names]
    return f"Scope: {' or '.join(scopes)}." if scopes else "No token is needed."


def _schemas(schemas: dict[str, Any]) -> Iterator[str]:
    yield "<h2>Types</h2>"
    for name, schema in schemas.items():
        yield f'<section id="{escape(name)}"><h3>{escape(name)}</h3>{_json(schema)}</section>'


def _json(schema: dict[str, Any]) -> str:
    """A schema as text, in a region that can be scrolled by keyboard."""
    text = msgspec.json.format(msgspec.json.encode(schema), indent=2).decode()
    return f'<pre tabindex="0"><code>{escape(text)}</code></pre>'
