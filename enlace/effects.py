"""What the rules of the client ask a transport to do. Pure.

The rules are generators: they yield an effect, and get its result back. One driver without `await` and one with it
(enlace/sync_session.py, enlace/async_session.py) do what the effects say. So each rule is written once.

An exchange that fails raises `Lost` inside the generator.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request of HTTP. It has no token: the session adds it."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    repeatable: bool = True
    """Sending it twice does no more than sending it once."""

    silence_seconds_max: float | None = None
    """How long the gateway may send nothing; None: as the client is set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The answer to a request."""

    status: int
    headers: Mapping[str, str]
    """The names are in lower case."""

    body: bytes
    """Empty for an answer without error that `Open` asked for."""

    @property
    def is_good(self) -> bool:
        """Whether the request was done. A redirect is an error: this gateway sends none, and none is followed."""
        return is_good(self.status)


def is_good(status: int) -> bool:
    """Whether a status of HTTP says that the request was done."""
    return 200 <= status < 300


class Lost(Exception):
    """The gateway was not reached, or the connection broke."""

    def __init__(self, reason: str, *, was_sent: bool, hint: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint
        """What its reader can do, if the reason shows that; None: what helps in general."""

        self.was_sent = was_sent
        """The gateway may have received the request."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send a request and read its whole answer. Result: Reply."""

    request: Request


@dataclass(frozen=True, slots=True)
class Open:
    """Send a request whose answer is read in pieces. Result: Reply; with its body only if the status is an error."""

    request: Request


@dataclass(frozen=True, slots=True)
class Read:
    """Read the next piece of the answer that is open. Result: bytes, empty at the end."""


@dataclass(frozen=True, slots=True)
class Shut:
    """Close the answer that is open, if there is one. Result: None."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait. Result: None."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Now:
    """The time in seconds of a clock that never goes back. Result: float."""


@dataclass(frozen=True, slots=True)
class Pull:
    """The next item of the caller's input. Result: the item, or END."""


@dataclass(frozen=True, slots=True)
class Give:
    """Give the caller an item of an iteration. Result: None."""

    item: Any


Effect = Send | Open | Read | Shut | Wait | Now | Pull | Give

Program = Generator[Effect, Any, T]
"""A rule with a result. An iteration gives its items with `Give`, and has the result None."""

Decode = Callable[[bytes], T]
"""Makes the typed answer of the JSON of an answer. Raises AnswerMalformed."""


class _End:
    """The type of END."""


END = _End()
"""The caller's input has ended."""
