"""Reads the body of a request: of a type that the endpoint reads, with a limit on its size and on its time.

A body that is too long is not kept. Up to DISCARDED_BYTES_MAX it is read and forgotten, so that its sender gets the
answer; the connection of a longer one is closed. A sender that sends nothing for PIECE_SECONDS_MAX is not waited for.
"""

import asyncio
from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request

from node.http.http_error import HttpError
from node.http.media_types import JSON, check_content_encoding, check_content_type
from node.reports.ndjson import ITEM_SIZE_BYTES_MAX
from schemas.field_errors import FieldError
from schemas.json_form.strict_json import JsonError, decode

BODY_SIZE_BYTES_MAX: Final = ITEM_SIZE_BYTES_MAX + 1_000  # a report, and an object around it
DISCARDED_BYTES_MAX: Final = 16_000_000  # many clients read the answer only after they have sent the whole body
PIECE_SECONDS_MAX: Final = 10.0
BODY_SECONDS_MAX: Final = 60.0  # 1 MB at 17 KB/s; a batch has no limit for its whole time


def check_head(request: Request, allowed: Collection[str]) -> None:
    """Refuse a body by its headers: a type that is not in `allowed`, or a compressed body. Raises HttpError."""
    check_content_type(request.headers.get("content-type"), allowed)
    check_content_encoding(request.headers.get("content-encoding"))


async def pieces(request: Request) -> AsyncGenerator[bytes]:
    """The body as it comes. Raises HttpError `body_stalled`, and `body_incomplete` if the connection ends."""
    async with aclosing(request.stream()) as stream:
        while True:
            try:
                async with asyncio.timeout(PIECE_SECONDS_MAX):
                    piece = await anext(stream, None)
            except TimeoutError:
                raise _stalled() from None
            except ClientDisconnect:
                message = "the connection ended within the body"
                raise HttpError(400, "body_incomplete", message, hint="send the request again") from None
            if piece is None:
                return
            if piece:
                yield piece


async def read_body(request: Request, allowed: Collection[str], *, most: int = BODY_SIZE_BYTES_MAX) -> bytes:
    """The whole body. Raises HttpError: 413 `too_large`, 415, 408 `body_stalled`."""
    check_head(request, allowed)
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and (length := int(announced[:20])) > most:
        raise _too_large(most, close=length > DISCARDED_BYTES_MAX)
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX), aclosing(pieces(request)) as stream:
            async for piece in stream:
                size += len(piece)
                if size <= most:
                    parts.append(piece)
                elif size > DISCARDED_BYTES_MAX:
                    raise _too_large(most, close=True)
                else:
                    parts.clear()
    except TimeoutError:
        raise _stalled() from None
    if size > most:
        raise _too_large(most, close=False)
    return b"".join(parts)


def json_object(body: bytes, *, what: str) -> dict[str, Any]:
    """The JSON object of a body. Raises HttpError `body_invalid`."""
    try:
        value = decode(body)
    except JsonError as error:
        raise body_invalid(FieldError(path=error.path, code=error.code, message=error.message)) from None
    if not isinstance(value, dict):
        raise body_invalid(FieldError(path="", code="not_an_object", message=f"must be {what}, a JSON object"))
    return value


async def read_object(request: Request, *, what: str, most: int = BODY_SIZE_BYTES_MAX) -> tuple[dict[str, Any], bytes]:
    """The JSON object of a body, and the body."""
    body = await read_body(request, (JSON,), most=most)
    return json_object(body, what=what), body


def body_invalid(field: FieldError) -> HttpError:
    """The error about a body that is not one JSON object of the right kind."""
    message = f"{field.path or 'the body'} {field.message}"
    hint = "send one JSON object (RFC 8259) in UTF-8, each of its keys once"
    return HttpError(400, "body_invalid", message, path=field.path or None, hint=hint, errors=(field,))


def _stalled() -> HttpError:
    message = f"nothing of the body came for {PIECE_SECONDS_MAX:.0f} s, or the whole took too long"
    return HttpError(408, "body_stalled", message, hint="send it again", headers={"Connection": "close"})


def _too_large(most: int, *, close: bool) -> HttpError:
    message = f"the body is longer than {most:,} bytes, the limit of this request"
    hint = "divide it; a batch takes reports of any number"
    headers = {"Connection": "close"} if close else {}
    return HttpError(413, "too_large", message, path="Content-Length", hint=hint, headers=headers)
