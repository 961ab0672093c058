"""Counts and times each request, outside of everything that the application does with it.

The time ends when the answer begins: a stream of events may last for hours. The label of the path is that of the
endpoint which answered, as the application notes it in the scope of the request.
"""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from node.metrics.requests import OTHER, RequestMetrics

PATH = "enlace.path"
METHOD = "enlace.method"


class Measured:
    """A layer around an application."""

    def __init__(self, app: ASGIApp, *, requests: RequestMetrics) -> None:
        self._app = app
        self._requests = requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()

        async def measuring(message: Message) -> None:
            if message["type"] == "http.response.start":
                method, path = scope.get(METHOD, OTHER), scope.get(PATH, OTHER)
                self._requests.answered(method, path, message["status"], time.perf_counter() - begun)
            await send(message)

        await self._app(scope, receive, measuring)
