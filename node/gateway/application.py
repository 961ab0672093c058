"""The application: each endpoint of the table behind the checks that all have in common.

The order of the checks: caller, scope, headers, purpose and reason, query; then the handler. An error of any of
them becomes a problem body. An exception without a code is a bug: it is logged with an id, and the answer has only the
id.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from node.commands.justification import Justification
from node.gateway.authentication import Authentication
from node.gateway.call import Call
from node.gateway.endpoint import Endpoint
from node.gateway.measured import METHOD, PATH, Measured
from node.gateway.problem import HttpError, problem_response
from node.gateway.request_checks import check_request, query_of
from node.gateway.served import Served
from node.gateway.unforeseen import error_to_show
from node.http.stated_reason import stated_reason
from node.integrators.caller import Caller

METHOD_NOT_ALLOWED: Final = 405
NOBODY: Final = Caller(name="", scopes=frozenset(), actor="")
"""The caller of an endpoint that needs none."""


def application(
    served: Served,
    endpoints: Sequence[Endpoint],
    authentication: Authentication,
    further: Sequence[BaseRoute] = (),
) -> Starlette:
    """The application of one node; `further` are routes of packages above this one, such as the console."""
    paths: dict[str, dict[str, Endpoint]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method] = endpoint
    routes = [
        Route(path, _answering(methods, served, authentication), methods=sorted(methods), include_in_schema=False)
        for path, methods in paths.items()
    ]
    measured = [Middleware(Measured, requests=served.watch.requests)] if served is not None else []
    app = Starlette(routes=[*routes, *further], exception_handlers={HTTPException: _no_route}, middleware=measured)
    app.router.redirect_slashes = False
    return app


def _answering(
    methods: dict[str, Endpoint], served: Served, authentication: Authentication
) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        request.scope[PATH], request.scope[METHOD] = methods[method].path, method
        try:
            return await _checked(methods[method], request, served, authentication)
        except Exception as error:
            return problem_response(error_to_show(error))

    return answer


async def _checked(endpoint: Endpoint, request: Request, served: Served, authentication: Authentication) -> Response:
    caller = NOBODY
    if endpoint.scopes is not None and not (endpoint.without_token and endpoint.without_token(request)):
        caller = await authentication.caller_of(request)
        if not caller.may(endpoint.scopes):
            needed = " or ".join(sorted(endpoint.scopes))
            message = f"{caller.name} does not have the scope {needed}"
            hint = "ask an administrator for a token, or for an entry under [[gateway.users]], that has it"
            challenge = (
                f'Bearer realm="enlace", error="insufficient_scope", scope="{" ".join(sorted(endpoint.scopes))}"'
            )
            raise HttpError(403, "scope_missing", message, hint=hint, headers={"WWW-Authenticate": challenge})
    check_request(endpoint, request)
    why = stated_reason(request.headers.raw) if endpoint.consults else Justification()
    query = query_of(endpoint, request)
    return await endpoint.handle(Call(request=request, served=served, caller=caller, why=why, query=query))


async def _no_route(_request: Request, error: Exception) -> Response:
    """The answer to an unknown path or method."""
    if not isinstance(error, HTTPException):
        raise TypeError(error)
    hint = "GET /openapi.json lists the requests"
    if error.status_code == METHOD_NOT_ALLOWED:
        message = "the path does not have this method"
        headers = dict(error.headers or {})
        return problem_response(HttpError(405, "method_not_allowed", message, hint=hint, headers=headers))
    return problem_response(HttpError(404, "path_unknown", "the gateway does not have this path", hint=hint))
