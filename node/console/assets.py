"""The script, the style sheet and the icon of the console: files of this package, read once."""

import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from node.console.response_headers import ASSET_HEADERS

_FOLDER: Final = Path(__file__).with_name("assets")
_TYPES: Final = {
    "console.css": "text/css; charset=utf-8",
    "console.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


def routes() -> list[BaseRoute]:
    """One route for each file."""
    return [Route(f"/assets/{name}", _answer(name), methods=["GET"]) for name in _TYPES]


def _answer(name: str) -> Callable[[Request], Awaitable[Response]]:
    content = (_FOLDER / name).read_bytes()
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {**ASSET_HEADERS, "ETag": tag}

    async def answer(request: Request) -> Response:
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(content, headers=headers, media_type=_TYPES[name])

    return answer
