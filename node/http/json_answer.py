"""Writes an answer as JSON. A proxy or a browser keeps nothing of it: answers are about persons."""

from typing import Any, Final

import msgspec
from starlette.responses import Response

from node.answers.plain_json import presentable
from node.http.media_types import JSON

PRIVATE: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def json_answer(answer: Any, status: int = 200) -> Response:
    """The answer in the form of node/answers/plain_json.py."""
    return encoded_answer(msgspec.json.encode(presentable(answer)), status)


def encoded_answer(body: bytes, status: int = 200, media_type: str = JSON) -> Response:
    """The answer that is JSON already."""
    return Response(body, status, PRIVATE, media_type)
