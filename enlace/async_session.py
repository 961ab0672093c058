"""Does what the rules ask, with `await`."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable
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
from enlace.http_exchange import WholeAnswer, failures_are_losses, of_httpx, reply_of
from enlace.settings import Settings

T = TypeVar("T")


class AsyncSession:
    """Connections to one gateway, in one event loop. Several tasks may use it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        address = settings.address
        verify = settings.tls if settings.tls is not None else False  # without TLS there is nothing to verify
        self._transport = httpx.AsyncHTTPTransport(verify=verify, uds=address.socket, trust_env=False)

    async def __aenter__(self) -> Self:
        """The session itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def run(self, program: Program[T]) -> T:
        """The result of a rule."""
        running = _Running(self._transport, self.settings, _each(()))
        try:
            effect = next(program)
            while True:
                outcome = await running.outcome(effect)
                effect = program.throw(outcome) if isinstance(outcome, Lost) else program.send(outcome)
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            await running.shut()

    async def each(self, program: Program[None], items: Iterable[Any] | AsyncIterable[Any] = ()) -> AsyncGenerator[Any]:
        """What a rule gives, item by item; it pulls its input from `items`."""
        running = _Running(self._transport, self.settings, _each(items))
        try:
            effect = next(program)
            while True:
                outcome: Any = None
                if isinstance(effect, Give):
                    yield effect.item
                else:
                    outcome = await running.outcome(effect)
                effect = program.throw(outcome) if isinstance(outcome, Lost) else program.send(outcome)
        except StopIteration:
            return
        finally:
            program.close()
            await running.shut()


async def _each(items: Iterable[Any] | AsyncIterable[Any]) -> AsyncIterator[Any]:
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item


class _Running:
    """One rule that runs."""

    def __init__(self, transport: httpx.AsyncHTTPTransport, settings: Settings, items: AsyncIterator[Any]) -> None:
        self._transport = transport
        self._settings = settings
        self._items = items
        self._open: httpx.Response | None = None
        self._pieces: AsyncIterator[bytes] = _each(())

    async def outcome(self, effect: Effect) -> Any:
        """What the rule gets for its effect; a Lost is thrown into it."""
        try:
            return await self._do(effect)
        except Lost as lost:
            return lost

    async def shut(self) -> None:
        """Close the answer that is open."""
        response, self._open, self._pieces = self._open, None, _each(())
        if response is not None:
            await response.aclose()

    async def _do(self, effect: Effect) -> Any:
        match effect:
            case Send(request):
                return await self._send(request)
            case Open(request):
                return await self._begin(request)
            case Read():
                with failures_are_losses(self._settings):
                    return await anext(self._pieces, b"")
            case Shut():
                return await self.shut()
            case Wait(seconds):
                return await asyncio.sleep(seconds)
            case Now():
                return asyncio.get_running_loop().time()
            case Pull():
                return await anext(self._items, END)
        raise TypeError(f"{effect} has no result")

    async def _send(self, request: Request) -> Reply:
        with failures_are_losses(self._settings):
            response = await self._answer(request)
            try:
                return reply_of(response, await self._whole(response))
            finally:
                await response.aclose()

    async def _answer(self, request: Request) -> httpx.Response:
        """The answer when its head has come, which has a deadline: a head may drip."""
        sent = of_httpx(request, self._settings)
        try:
            async with asyncio.timeout(sent.extensions["timeout"]["read"].head_seconds_max):
                return await self._transport.handle_async_request(sent)
        except TimeoutError:
            raise httpx.ReadTimeout("the head of the answer did not end in time") from None

    async def _whole(self, response: httpx.Response) -> bytes:
        whole = WholeAnswer(self._settings)
        async for piece in response.aiter_bytes():
            whole.add(piece)
        return whole.body

    async def _begin(self, request: Request) -> Reply:
        await self.shut()
        with failures_are_losses(self._settings):
            response = self._open = await self._answer(request)
            if not is_good(response.status_code):
                return reply_of(response, await self._whole(response))
            self._pieces = (piece async for piece in response.aiter_raw() if piece)
            return reply_of(response)
