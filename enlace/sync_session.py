"""Does what the rules ask, without `await`."""

import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from enlace.effects import (
    END,
    Effect,
    Give,
    Lost,
    Now,
    Open,
    Program,
    Pull,
    Read,
    Reply,
    Request,
    Send,
    Shut,
    Wait,
    is_good,
)
from enlace.head_deadline import HeadDeadlineTransport
from enlace.http_exchange import WholeAnswer, failures_are_losses, of_httpx, reply_of
from enlace.settings import Settings

T = TypeVar("T")


class Session:
    """Connections to one gateway. Several threads may use it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._transport = HeadDeadlineTransport(settings.tls, settings.address.socket)

    def __enter__(self) -> Self:
        """The session itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def run(self, program: Program[T]) -> T:
        """The result of a rule."""
        running = _Running(self._transport, self.settings, iter(()))
        try:
            effect = next(program)
            while True:
                effect = running.step(program, effect)
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            running.shut()

    def each(self, program: Program[None], items: Iterable[Any] = ()) -> Iterator[Any]:
        """What a rule gives, item by item; it pulls its input from `items`."""
        running = _Running(self._transport, self.settings, iter(items))
        try:
            effect = next(program)
            while True:
                if isinstance(effect, Give):
                    yield effect.item
                    effect = program.send(None)
                else:
                    effect = running.step(program, effect)
        except StopIteration:
            return
        finally:
            program.close()
            running.shut()


class _Running:
    """One rule that runs."""

    def __init__(self, transport: httpx.HTTPTransport, settings: Settings, items: Iterator[Any]) -> None:
        self._transport = transport
        self._settings = settings
        self._items = items
        self._open: httpx.Response | None = None
        self._pieces: Iterator[bytes] = iter(())

    def step(self, program: Program[Any], effect: Effect) -> Effect:
        """Do what the rule asks, and return what it asks next. Raises StopIteration at its end."""
        try:
            result = self._do(effect)
        except Lost as lost:
            return program.throw(lost)
        return program.send(result)

    def shut(self) -> None:
        """Close the answer that is open."""
        response, self._open, self._pieces = self._open, None, iter(())
        if response is not None:
            response.close()

    def _do(self, effect: Effect) -> Any:
        match effect:
            case Send(request):
                return self._send(request)
            case Open(request):
                return self._begin(request)
            case Read():
                with failures_are_losses(self._settings):
                    return next(self._pieces, b"")
            case Shut():
                return self.shut()
            case Wait(seconds):
                return time.sleep(seconds)
            case Now():
                return time.monotonic()
            case Pull():
                return next(self._items, END)
        raise TypeError(f"{effect} has no result")

    def _send(self, request: Request) -> Reply:
        with failures_are_losses(self._settings):
            response = self._transport.handle_request(of_httpx(request, self._settings))
            try:
                return reply_of(response, self._whole(response))
            finally:
                response.close()

    def _whole(self, response: httpx.Response) -> bytes:
        whole = WholeAnswer(self._settings)
        for piece in response.iter_bytes():
            whole.add(piece)
        return whole.body

    def _begin(self, request: Request) -> Reply:
        self.shut()
        with failures_are_losses(self._settings):
            response = self._open = self._transport.handle_request(of_httpx(request, self._settings))
            if not is_good(response.status_code):
                return reply_of(response, self._whole(response))
            self._pieces = (piece for piece in response.iter_raw() if piece)
            return reply_of(response)
