"""An answer of NDJSON that is sent while the request is still read.

The status is sent with the first line, so an error before it has a status of its own. An error after it is the last
line, an object with the key `error`, as the command line writes it.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import msgspec
import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from node.answers.error_answer import coded, error_fields
from node.http.answer_spool import AnswerSpool
from node.http.json_answer import PRIVATE
from node.http.media_types import NDJSON

log = structlog.get_logger()

SEND_SECONDS_MAX: Final = 60.0  # for a piece of the answer, when nothing of the request is left
_NOTHING: Final = b""


async def lines_answer(lines: AsyncIterator[bytes]) -> Response:
    """The answer that consists of `lines`, each with its line end. Raises what comes before the first line."""
    first = await anext(lines, _NOTHING)
    return _LinesAnswer(first, lines)


class _LinesAnswer(Response):
    def __init__(self, first: bytes, lines: AsyncIterator[bytes]) -> None:
        super().__init__(None, 200, PRIVATE, NDJSON)
        del self.headers["content-length"]
        self._first = first
        self._lines = lines

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - the lines receive
        spool = AnswerSpool()
        spool.put(self._first)
        producing = asyncio.create_task(_produce(self._lines, spool))
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            while data := await spool.get():
                await _send(send, {"type": "http.response.body", "body": data, "more_body": True}, producing)
            await producing
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except (OSError, TimeoutError):
            log.info("answer_not_read")
        finally:
            producing.cancel()
            await asyncio.gather(producing, return_exceptions=True)
            spool.close()


async def _produce(lines: AsyncIterator[bytes], spool: AnswerSpool) -> None:
    """Write the lines to the spool, and the error that ends them."""
    try:
        async for line in lines:
            spool.put(line)
    except Exception as error:
        known = coded(error)
        if known is None:
            raise
        spool.put(msgspec.json.encode({"error": error_fields(known)}) + b"\n")
    finally:
        spool.end()


async def _send(send: Send, message: dict[str, object], producing: asyncio.Task[None]) -> None:
    """Send a piece. While the request is read, its sender may not read yet; afterwards it has SEND_SECONDS_MAX."""
    sending = asyncio.ensure_future(send(message))
    await asyncio.wait((sending, producing), return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait_for(sending, SEND_SECONDS_MAX)
