"""The console as a part of the gateway: each page of the table behind the checks that all have in common.

The order of the checks: session, origin and form, scope, purpose and reason; then the page. An error of any of them
becomes a page that names its code, its reason and the way out. A bug shows an id only; the log has the rest.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from node.console import assets, login_pages
from node.console.entrance import Entrance
from node.console.form_body import read_form
from node.console.languages import Texts, language_of, texts_of
from node.console.page_types import PREFIX, ConsolePage, Redirect, View, Visit, address
from node.console.pages import PAGES
from node.console.rendering import rendered
from node.console.same_origin import is_same_origin
from node.console.sessions import IDLE_MS_MAX, Session
from node.gateway.authentication import Authenticator
from node.gateway.problem import status_of
from node.gateway.served import Served
from node.gateway.unforeseen import error_to_show


def console_routes(
    served: Served, authenticator: Authenticator, pages: Sequence[ConsolePage] = PAGES
) -> list[BaseRoute]:
    """The routes of the console of one node, for the application of the gateway."""

    async def first_page(_request: Request) -> Response:
        return login_pages.redirect(address("/"))

    return [Route(PREFIX, first_page), Mount(PREFIX, routes=Console(served, authenticator, pages).routes())]


class Console:
    """The console of one node."""

    def __init__(self, served: Served, authenticator: Authenticator, pages: Sequence[ConsolePage]) -> None:
        self._served = served
        self._pages = tuple(pages)
        self.entrance = Entrance(authenticator=authenticator, clock=served.now_ms)

    def routes(self) -> list[BaseRoute]:
        """The routes below PREFIX."""
        unprotected: tuple[tuple[str, str, Callable[[Request], Awaitable[Response]]], ...] = (
            ("/login", "GET", self._login_form),
            ("/login", "POST", self._log_in),
            ("/logout", "POST", self._log_out),
            ("/language", "GET", self._language),
        )
        return [
            *(Route(path, self._safe(answer), methods=[method]) for path, method, answer in unprotected),
            *(Route(page.path, self._safe(self._protected(page)), methods=[page.method]) for page in self._pages),
            *assets.routes(),
            Route("/{rest:path}", self._safe(self._not_found), methods=["GET", "POST"]),
        ]

    def _safe(self, answer: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        """Every error becomes a page."""

        async def safe(request: Request) -> Response:
            try:
                return await answer(request)
            except Exception as error:
                return self._error_page(request, error)

        return safe

    def _protected(self, page: ConsolePage) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            session = await self.entrance.session_of(request)
            if session is None:
                return _to_login(request)
            request.state.session = session
            form = await read_form(request) if page.method == "POST" else {}
            if page.method == "POST" and not _is_own(request, session, form.get("form_token", "")):
                return self._page(request, session, View(template="form_old.html", title="form_old.title", status=403))
            if not session.caller.may(page.scopes):
                values = {"needed": sorted(scope.value for scope in page.scopes)}
                view = View(template="not_allowed.html", title="not_allowed.title", values=values, status=403)
                return self._page(request, session, view)
            if page.consults and session.why.purpose is None:
                return login_pages.redirect(address("/reason", next=_here(request)))
            visit = Visit(request=request, served=self._served, session=session, texts=_texts(request), form=form)
            done = await page.handle(visit)
            return login_pages.redirect(done.to) if isinstance(done, Redirect) else self._page(request, session, done)

        return answer

    async def _login_form(self, request: Request) -> Response:
        ended = request.query_params.get("ended")
        return login_pages.login_form(
            request, _texts(request), problem=f"login.ended_{ended}" if ended in _ENDS else None
        )

    async def _log_in(self, request: Request) -> Response:
        return await login_pages.log_in(request, self.entrance, _texts(request))

    async def _log_out(self, request: Request) -> Response:
        session = await self.entrance.session_of(request)
        form = await read_form(request)
        if session is None or not _is_own(request, session, form.get("form_token", "")):
            return login_pages.redirect(address("/"))
        return login_pages.log_out(request, self.entrance)

    async def _language(self, request: Request) -> Response:
        return login_pages.choose_language(request)

    async def _not_found(self, request: Request) -> Response:
        session = await self.entrance.session_of(request)
        if session is None:
            return _to_login(request)
        return self._page(request, session, View(template="not_found.html", title="not_found.title", status=404))

    def _page(self, request: Request, session: Session | None, view: View) -> Response:
        """The page in its frame: menu, person, purpose and language."""
        menu = [
            {
                "to": PREFIX + page.path,
                "name": page.menu,
                "allowed": session.caller.may(page.scopes),
                "current": request.url.path == PREFIX + page.path,
            }
            for page in self._pages
            if page.menu is not None and session is not None
        ]
        return rendered(
            view,
            _texts(request),
            session=session,
            menu=menu,
            here=_here(request),
            node=self._served.home.node,
            idle_seconds=IDLE_MS_MAX // 1000,
        )

    def _error_page(self, request: Request, error: Exception) -> Response:
        known = error_to_show(error)
        view = View(template="error.html", title="error.title", values={"error": known}, status=status_of(known))
        return self._page(request, getattr(request.state, "session", None), view)


_ENDS: Final = ("out", "idle")


def _texts(request: Request) -> Texts:
    chosen = request.cookies.get(login_pages.LANGUAGE_COOKIE)
    return texts_of(language_of(chosen, request.headers.get("accept-language", "")))


def _is_own(request: Request, session: Session, form_token: str) -> bool:
    return is_same_origin(request.headers) and session.carries(form_token)


def _here(request: Request) -> str:
    """The address of the page; of an action, the address of the first page."""
    if request.method != "GET":
        return address("/")
    return quote(request.url.path) + (f"?{request.url.query}" if request.url.query else "")


def _to_login(request: Request) -> Response:
    here = _here(request)
    return login_pages.redirect(address("/login", next=here if here != address("/") else None))
