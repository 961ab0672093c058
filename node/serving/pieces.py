"""Sends a long body in pieces: the next piece is written when the client has taken the one before.

Without this, a long answer would be in the buffer of the connection at once. Its deadline would then count for the
whole answer, and a client with a slow line would lose the end of it. Nor could the server wait for the client before
it closes the connection.
"""

from collections.abc import Iterator
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from node.serving.limits import PIECE_SIZE_BYTES_MAX

BODY: Final = "http.response.body"


def in_pieces(app: ASGIApp) -> ASGIApp:
    """The application; each message with a long body becomes several."""

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            if message["type"] != BODY or len(message.get("body", b"")) <= PIECE_SIZE_BYTES_MAX:
                await send(message)
                return
            for piece in pieces_of(message["body"]):
                await send({"type": BODY, "body": piece, "more_body": True})
            if not message.get("more_body", False):
                await send({"type": BODY, "body": b"", "more_body": False})

        await app(scope, receive, sent)

    return served


def pieces_of(body: bytes) -> Iterator[bytes]:
    """The bytes, PIECE_SIZE_BYTES_MAX at a time."""
    for start in range(0, len(body), PIECE_SIZE_BYTES_MAX):
        yield body[start : start + PIECE_SIZE_BYTES_MAX]
