"""Logging in and out, and the choice of a language: the pages that need no session."""

import hmac
import re
from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from node.console.entrance import COOKIE, Entrance
from node.console.form_body import read_form
from node.console.languages import LANGUAGES, Texts
from node.console.page_types import PREFIX, View, address, local_address
from node.console.rendering import rendered
from node.console.response_headers import PAGE_HEADERS
from node.console.same_origin import is_same_origin
from node.gateway.problem import HttpError
from node.system_random import random_bytes

FORM_COOKIE: Final = "enlace_console_form"
LANGUAGE_COOKIE: Final = "enlace_console_language"
LANGUAGE_SECONDS: Final = 365 * 24 * 60 * 60
_FORM_BYTES: Final = 32
_FORM_TOKEN: Final = re.compile(f"[0-9a-f]{{{2 * _FORM_BYTES}}}")


def login_form(request: Request, texts: Texts, *, problem: str | None = None, status: int = 200) -> Response:
    """The form for the token; `problem` is the key of a text about the last try.

    A cookie and the form carry the same random text, so that no other site can log somebody in. The text stays the
    same in one browser, so that the forms of two tabs are both valid.
    """
    kept = request.cookies.get(FORM_COOKIE, "")
    form_token = kept if _FORM_TOKEN.fullmatch(kept) else random_bytes(_FORM_BYTES).hex()
    values = {
        "form_token": form_token,
        "next": local_address(request.query_params.get("next", "")),
        "problem": problem,
        "here": request.url.path,
    }
    view = View(template="login.html", title="login.title", values=values, status=status)
    response = rendered(view, texts, session=None, menu=())
    _set_cookie(request, response, FORM_COOKIE, form_token)
    return response


async def log_in(request: Request, entrance: Entrance, texts: Texts) -> Response:
    """Begin a session and go to the page that was asked for; or show the form again with the reason."""
    form = await read_form(request)
    if not is_same_origin(request.headers) or not _is_own_form(request, form):
        return login_form(request, texts, problem="login.form_old", status=403)
    try:
        begun = await entrance.log_in(request, form.get("token", ""))
    except HttpError as error:
        if error.status != 429:
            raise
        response = login_form(request, texts, problem="login.too_many", status=429)
        response.headers.update(error.headers)
        return response
    if begun is None:
        return login_form(request, texts, problem="login.refused", status=401)
    id_, _ = begun
    response = redirect(local_address(form.get("next", "")))
    _set_cookie(request, response, COOKIE, id_)
    return response


def log_out(request: Request, entrance: Entrance) -> Response:
    """End the session; the browser forgets what it kept of this console."""
    entrance.log_out(request)
    response = redirect(address("/login", ended="out"))
    response.delete_cookie(COOKIE, path=PREFIX)
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


def choose_language(request: Request) -> Response:
    """Keep the language that a link names, and go back to the page."""
    response = redirect(local_address(request.query_params.get("next", "")))
    language = request.query_params.get("to", "")
    if language in LANGUAGES:
        _set_cookie(request, response, LANGUAGE_COOKIE, language, max_age=LANGUAGE_SECONDS)
    return response


def redirect(to: str) -> Response:
    """An answer that sends the browser to another page with GET."""
    return RedirectResponse(to, status_code=303, headers=dict(PAGE_HEADERS))


def _is_own_form(request: Request, form: Mapping[str, str]) -> bool:
    cookie, field = request.cookies.get(FORM_COOKIE, ""), form.get("form_token", "")
    return bool(cookie) and hmac.compare_digest(cookie.encode(), field.encode("utf-8", "surrogatepass"))


def _set_cookie(request: Request, response: Response, name: str, value: str, *, max_age: int | None = None) -> None:
    """A cookie that no script reads, that no other site makes the browser send, and that goes over TLS if there is."""
    response.set_cookie(
        name,
        value,
        max_age=max_age,
        path=PREFIX,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
