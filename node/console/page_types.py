"""The types of the console: a visit to a page, what the page answers, and a row of the table of pages."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypedDict
from urllib.parse import urlencode

from starlette.requests import Request

from node.answers.cursors import parse_number
from node.commands.justification import Justification
from node.console.languages import Texts
from node.console.sessions import Session
from node.errors import UsageError
from node.gateway.served import Served
from node.integrators.scopes import Scope

PREFIX: Final = "/console"


class Asker(TypedDict):
    """The arguments of a command that logs a consultation."""

    actor: str
    why: Justification


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request of somebody who is logged in and may see the page."""

    request: Request
    served: Served
    session: Session
    texts: Texts
    form: Mapping[str, str]
    """The fields of a POST; none of a GET."""

    @property
    def asker(self) -> Asker:
        """What the access log names: who asks, and why."""
        return {"actor": self.session.caller.actor, "why": self.session.why}

    def asked(self, name: str) -> str:
        """A parameter of the address without blanks around it; empty if it is not there."""
        return self.request.query_params.get(name, "").strip()

    def path(self, name: str) -> str:
        """A part of the path."""
        return str(self.request.path_params[name])


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A page to render."""

    template: str
    title: str
    """Key of its title."""

    values: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    """The browser goes on to another page of the console."""

    to: str


Answer = View | Redirect

ANY_SCOPE: Final = frozenset(Scope)
READERS: Final = frozenset({Scope.READ})
OVERSEERS: Final = frozenset({Scope.AUDIT, Scope.ADMIN})


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsolePage:
    """One page, or one action that a page offers."""

    path: str
    """Below PREFIX."""

    scopes: frozenset[Scope]
    """One of them suffices."""

    handle: Callable[[Visit], Awaitable[Answer]]
    method: str = "GET"
    menu: str | None = None
    """Key of its entry in the menu; None for a page that another page leads to."""

    consults: bool = False
    """It shows the content of reports: the session needs a purpose and a reason first."""


def address(path: str, **query: Any) -> str:
    """The address of a page; parameters without a value are left out."""
    given = {name: value for name, value in query.items() if value not in (None, "")}
    return f"{PREFIX}{path}{'?' + urlencode(given) if given else ''}"


def cursor_of(visit: Visit, name: str) -> int | None:
    """The cursor in the address; None on the first page. Raises UsageError."""
    text = visit.asked(name)
    if not text:
        return None
    number = parse_number(text)
    if number is None:
        raise UsageError("usage", "this is not a valid cursor", path=name, hint="go back to the first page")
    return number


def since_of(text: str) -> str | None:
    """A day means its beginning in UTC; another text is a time, or an error that the command names."""
    return f"{text}T00:00:00Z" if len(text) == len("2026-01-31") else text or None


def local_address(text: str) -> str:
    """`text` if it is the address of a page of the console, else the first page: no link leads elsewhere."""
    is_local = text.startswith(f"{PREFIX}/") and text.isprintable() and text.isascii()
    return text if is_local and not set(text) & set("\\<>\"'") and "//" not in text else address("/")
