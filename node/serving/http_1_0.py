"""Answers to HTTP/1.0, which some proxies speak: it has no chunks, so an answer needs a length."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from node.serving.raw_problem import RawProblem

_NO_LENGTH = RawProblem(
    505, "http_version_unsupported", "this answer has no length, and HTTP/1.0 needs one", hint="use HTTP/1.1"
)


def with_length(app: ASGIApp) -> ASGIApp:
    """The application; to HTTP/1.0 it sends answers with a length only."""

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["http_version"] != "1.0":
            await app(scope, receive, send)
            return
        refused = False

        async def sent(message: Message) -> None:
            nonlocal refused
            if refused:
                return
            if message["type"] == "http.response.start":
                refused = not any(name.lower() == b"content-length" for name, _ in message.get("headers", []))
            if not refused:
                await send(message)
                return
            body = _NO_LENGTH.body()
            headers = [(b"content-type", b"application/problem+json"), (b"content-length", b"%d" % len(body))]
            await send({"type": "http.response.start", "status": _NO_LENGTH.status, "headers": headers})
            await send({"type": "http.response.body", "body": body})

        await app(scope, receive, sent)

    return served
