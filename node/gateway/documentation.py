"""`GET /openapi.json` and `/docs`: what the gateway offers, for programs and for people. Nothing secret is in them."""

from collections.abc import Sequence
from functools import cache
from typing import Final

import msgspec
from starlette.responses import Response

from node.gateway.call import Call
from node.gateway.documentation_page import STYLE_POLICY, page_of
from node.gateway.endpoint import Endpoint
from node.gateway.openapi import openapi_document
from node.http.media_types import HTML, JSON

POLICY: Final = f"default-src 'none'; {STYLE_POLICY}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def with_documentation(described: Sequence[Endpoint]) -> tuple[Endpoint, ...]:
    """The same endpoints, and those that describe all of them."""

    @cache
    def document() -> dict[str, object]:
        return openapi_document(endpoints)

    async def openapi(_call: Call) -> Response:
        """The OpenAPI document."""
        return Response(msgspec.json.encode(document()), headers=_HEADERS, media_type=JSON)

    async def page(_call: Call) -> Response:
        """The same for people; the page has no script and loads nothing."""
        return Response(page_of(document()), headers=_HEADERS, media_type=HTML)

    endpoints = (
        *described,
        Endpoint(
            method="GET",
            path="/openapi.json",
            scopes=None,
            handle=openapi,
            summary="This document",
            answers={200: {"type": "object"}},
            produces=JSON,
        ),
        Endpoint(
            method="GET",
            path="/docs",
            scopes=None,
            handle=page,
            summary="This document as a page",
            answers={200: None},
            produces=HTML,
        ),
    )
    return endpoints
