"""The gateway on a real server: accepted reports over the same server with an empty handler, and `check` over HTTP.

Each round measures the empty handler, single reports and batches of 100 one after the other. The clients run in a
process of their own (bench/gateway_client.py). The empty handler passes all checks, reads the body and answers.

`check` asks one identifier at a time, 200 a second in an open loop, among the identifiers of `check` (bench/checks.py).
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from bench import checks, material
from bench.enlace import ITEMS_WARM
from bench.figures import Figures, number
from bench.large_rows import Filling
from bench.large_store import cached
from node.clock import now_ms
from node.gateway.application import application
from node.gateway.call import Call
from node.gateway.endpoint import Endpoint
from node.gateway.endpoints import ENDPOINTS
from node.gateway.served import Served
from node.http.json_answer import encoded_answer
from node.integrators import scopes
from node.integrators.caller import Caller
from node.runtime.home import Home
from node.runtime.open_intake import open_intake
from node.serving.addresses import listening, resolved
from node.serving.doors import Door
from node.serving.serve import BACKLOG, serve
from node.supervision.start_objects import keep_start_objects

ROUNDS: Final = 5 if ITEMS_WARM else 1
EMPTY: Final = "/v1/empty"
CALLER: Final = Caller(name="bench", scopes=scopes.ALL, actor="token bench (1)")


class _OneCaller:
    async def caller_of(self, request: Request) -> Caller:  # noqa: ARG002 - the port has it
        """Always the same: the measurement compares handlers."""
        return CALLER


async def _empty(call: Call) -> Response:
    await call.request.body()
    return encoded_answer(b"{}", 202)


@asynccontextmanager
async def _server(home: Home) -> AsyncIterator[int]:
    """The port of a gateway that has the empty handler too."""
    empty = Endpoint(method="POST", path=EMPTY, scopes=scopes.ALL, handle=_empty, summary="empty")
    async with open_intake(home) as intake:
        served = Served(home=home, intake=intake, stopping=asyncio.Event())
        app = application(served, (*ENDPOINTS, empty), _OneCaller())
        with listening(resolved("127.0.0.1:0"), BACKLOG) as sockets:
            doors = tuple(Door(listening=made) for made in sockets)
            running = asyncio.create_task(
                serve(app, doors, connections_max=1000, now_ms=served.now_ms, stopping=served.stopping)
            )
            keep_start_objects()
            try:
                yield sockets[0].getsockname()[1]
            finally:
                served.stopping.set()
                await running


def measure(folder: Path, figures: Figures, _messages: int) -> None:
    """Measure intake, then `check`."""
    asyncio.run(_intake(folder, figures))
    asyncio.run(_checks(folder, figures))


async def _intake(folder: Path, figures: Figures) -> None:
    world = material.world(folder / "intake")
    home = world.home(material.ORIGINATOR, folder / "intake.db")
    rates: dict[str, list[float]] = {"empty": [], "single": [], "batch": []}
    async with _server(home) as port:
        for turn in range(ROUNDS + 1):
            for kind, measured in rates.items():
                rate = await _client(port, kind, str(turn))
                if turn:  # the first round warms caches up
                    measured.append(rate)
    for kind, target in (("single", "above 0.3"), ("batch", "above 0.5")):
        over = [rate / empty for rate, empty in zip(rates[kind], rates["empty"], strict=True)]
        figures.add(f"gateway_{kind}_over_empty", "ratio", over, target=target)
        figures.add(f"gateway_{kind}_per_second", "per second", rates[kind])
    figures.add("gateway_empty_per_second", "per second", rates["empty"])


async def _checks(folder: Path, figures: Figures) -> None:
    """The latency of `POST /v1/check`, each from its time on."""
    filling = Filling(
        messages=number("BENCH_IDENTIFIERS", checks.IDENTIFIERS) // checks.IDENTIFIERS_IN_MESSAGE, now_ms=now_ms()
    )
    file = await cached(filling)
    checks.bring_to_memory(file)
    home = material.world(folder / "check").home(material.ORIGINATOR, file)
    os.sync()  # the filling of the store is not measured
    async with _server(home) as port:
        found = await _run(port, "check", str(filling.messages))
    figures.add("gateway_check_p50_ms", "ms", [found["p50"]])
    figures.add("gateway_check_p99_ms", "ms", [found["p99"]], target=checks.TARGET)


async def _client(port: int, kind: str, turn: str) -> float:
    return float((await _run(port, kind, turn))["per_second"])


async def _run(port: int, kind: str, detail: str) -> dict[str, Any]:
    """What the client in a process of its own measured."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.gateway_client", str(port), kind, detail, stdout=subprocess.PIPE
    )
    out, _ = await child.communicate()
    if child.returncode:
        raise RuntimeError(f"the client ended with {child.returncode}")
    found: dict[str, Any] = json.loads(out)
    return found
