"""The OpenAPI document and its page. tests/support/openapi.py compares each answer of each test with the document."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from node.gateway.endpoints import ENDPOINTS
from tests.support.gateway import gateway
from tests.support.openapi import document
from tools import openapi


def test_the_file_in_docs_is_that_of_the_code() -> None:
    """`make generate` writes it."""
    assert openapi.FILE.read_text(encoding="utf-8") == openapi.text(), "run `make generate`"


async def test_the_gateway_serves_the_document_without_a_token(home: Path) -> None:
    async with gateway(home) as node:
        answer = await node.http.get("/openapi.json")

        assert answer.json() == document()
        assert answer.json()["openapi"].startswith("3.1")


def test_each_endpoint_is_in_the_document_with_its_scopes() -> None:
    """The alternatives of `security` are the scopes of the table."""
    found = {
        (method.upper(), path): {name for needed in operation["security"] for name in needed["bearer"]}
        for path, item in document()["paths"].items()
        for method, operation in item.items()
    }

    assert found == {(one.method, one.path): {str(scope) for scope in one.scopes or ()} for one in ENDPOINTS}


def test_each_schema_is_one_of_json_schema_and_each_reference_leads_somewhere() -> None:
    for schema in document()["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    for reference in _references(document()):
        assert reference.removeprefix("#/components/schemas/") in document()["components"]["schemas"]
    ids = [operation["operationId"] for item in document()["paths"].values() for operation in item.values()]
    assert len(set(ids)) == len(ids)


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        here = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return here + [found for item in value.values() for found in _references(item)]
    return [found for item in value for found in _references(item)] if isinstance(value, list) else []


class _Page(HTMLParser):
    """The tags of a page, the addresses in it, and its ids."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: set[str] = set()
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            assert not name.startswith("on"), (tag, name)
            if name in ("src", "href", "action"):
                self.addresses.add(value or "")
            if name == "id":
                self.ids.add(value or "")


async def test_the_page_loads_nothing_and_names_each_request(home: Path) -> None:
    """No script, no address outside, and a policy that allows the style of the page alone."""
    async with gateway(home) as node:
        answer = await node.http.get("/docs")
        page = _Page()
        page.feed(answer.text)

        assert answer.headers["content-type"].startswith("text/html")
        assert not page.tags & {"script", "link", "img", "iframe", "object", "form"}
        assert "url(" not in answer.text
        assert "@import" not in answer.text
        assert page.addresses - {"openapi.json"} <= {f"#{id_}" for id_ in page.ids}
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert not re.search(r"unsafe|https?:|\*", policy)
        for endpoint in ENDPOINTS:
            assert f"{endpoint.method} {endpoint.path}" in answer.text


@pytest.mark.parametrize("path", ["/openapi.json", "/docs"])
async def test_the_documents_have_no_other_method(home: Path, path: str) -> None:
    async with gateway(home) as node:
        answer = await node.http.post(path)

        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
