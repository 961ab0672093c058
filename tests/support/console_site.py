"""A console with real data, for tests: three nodes of the demonstration, each read to the end, and a server for one.

The exchange is made in this process: reports are published, sealed, read and confirmed by receipts, and two bad records
are in quarantine. One report has hostile text in every field that takes text.
"""

import asyncio
import json
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from demo.forge import forge
from node.clock import now_ms
from node.commands import publish
from node.console.application import console_routes
from node.console.mounting import console_of
from node.database.engine import Store
from node.gateway.application import application
from node.gateway.authentication import Authenticator
from node.gateway.endpoints import ENDPOINTS
from node.gateway.served import Served
from node.gateway.server import bound_gateway
from node.integrators.scopes import Scope
from node.integrators.tokens import CreatedToken, NewToken, create_token, revoke_token
from node.runtime.home import Home, open_home
from node.runtime.open_intake import open_intake
from node.runtime.open_node import open_node
from node.stages import StreamId
from node.store import withheld_notes
from node.store.withheld_notes import WithheldMessage
from node.system_random import random_bytes
from tests.support.exchange import report
from tests.support.processes import lab
from tests.support.serving import with_gateway

DEMO: Final = Path(__file__).parents[2] / "demo"
NODES: Final = ("BZ", "GT", "MX", "CO", "ES")
HOSTILE: Final = (
    '<script>window.hit=1</script><img src=x onerror="window.hit=2"><svg/onload=window.hit=3>"\'`{{7*7}}&lt;'
)
HOSTILE_DIRECTION: Final = "abc \u202egnp.exe\u202c \u200bzero"
TOKENS: Final = {
    "everything": frozenset(Scope),
    "analyst": frozenset({Scope.READ}),
    "officer": frozenset({Scope.AUDIT}),
    "publisher": frozenset({Scope.PUBLISH}),
}


_WITHHELD: Final = [
    WithheldMessage(
        place=StreamId(stream="intel.caribbean", originator="GT"),
        sequence=number,
        message_id=bytes([number]) * 16,
        code="clause_not_satisfied",
        agreement="BZ-GT-BORDER",
        clause="chiquibul",
        reason=f"subject {HOSTILE} is not in the clause",
    )
    for number in (91, 92)
]


async def create_tokens(store: Store) -> dict[str, CreatedToken]:
    """A new token for each name of TOKENS."""
    news = [NewToken(name=name, scopes=sorted(scopes), days=1) for name, scopes in TOKENS.items()]
    made = [await create_token(store, new, actor="test", now=now_ms(), random=random_bytes) for new in news]
    return {token.name: token for token in made}


def hostile_report() -> dict[str, Any]:
    """A report whose texts try to become markup, or to deceive the reader."""
    text = f"{HOSTILE} {HOSTILE_DIRECTION}"
    return report(
        narrative={"text": text, "language": "en"},
        place={"text": text, "area": text},
        legal_basis=text,
        handling=["H1"],
        handling_text=text,
        entities=[
            {
                "id": 1,
                "kind": "PERSON",
                "statement": "FACT",
                "label": text,
                "identifiers": [{"scheme": "NAME", "value": "X<b>Y"}],
                "person": {
                    "family_name": text,
                    "given_names": text,
                    "category": "SUSPECT",
                    "under_18": False,
                    "special_category": False,
                },
            },
            {
                "id": 2,
                "kind": "GOODS",
                "statement": "FACT",
                "identifiers": [],
                "goods": {"type": HOSTILE, "quantity": "4", "unit": HOSTILE},
            },
        ],
        connections=[{"from": 1, "to": 2, "role": HOSTILE, "statement": "FACT"}],
    )


def make_exchange(folder: Path) -> dict[str, Home]:
    """The homes of an exchange in which everything was sent and read."""
    agreements = [path.read_text("utf-8") for path in sorted((DEMO / "agreements").glob("*.toml"))]
    homes = {code: open_home(path) for code, path in lab(folder, list(NODES), *agreements).items()}
    reports = [
        ("BZ", json.loads((DEMO / "reports" / "bz-chiquibul.json").read_text("utf-8"))),
        ("GT", json.loads((DEMO / "reports" / "gt-trafficking.json").read_text("utf-8"))),
        ("MX", json.loads((DEMO / "reports" / "mx-contraband.json").read_text("utf-8"))),
        ("CO", json.loads((DEMO / "reports" / "co-seizure.json").read_text("utf-8"))),
        ("GT", hostile_report() | {"subjects": ["TRAFFICKING_IN_HUMAN_BEINGS"]}),
    ]
    asyncio.run(_exchanged(homes, reports, folder / "lab"))
    return homes


async def _exchanged(homes: dict[str, Home], reports: list[tuple[str, dict[str, Any]]], folder: Path) -> None:
    async with AsyncExitStack() as stack:
        nodes = {code: await stack.enter_async_context(open_node(home)) for code, home in homes.items()}
        for node in nodes.values():
            await node.subscriber.start()
        for code, value in reports:
            async with open_intake(homes[code]) as intake:
                answers = [answer async for answer in publish.publish(intake, json.dumps(value).encode(), actor="test")]
                assert [answer.outcome for answer in answers] == ["accepted"], answers
        for node in nodes.values():
            await node.relay.step()
        await nodes["BZ"].store.write(lambda db: withheld_notes.add(db, _WITHHELD, nodes["BZ"].clock()))
        await forge(f"sqlite:///{folder / 'log.db'}", folder)
        for _ in range(3):  # records, then receipts about them, then the receipts of others
            for node in nodes.values():
                while await node.subscriber.step(0):
                    pass
                await node.receipt_sealer.step()
                await node.relay.step()


@dataclass(frozen=True)
class Site:
    """A console that answers on this machine."""

    url: str
    tokens: dict[str, str]
    """The text of the token of each name."""


@dataclass
class ConsoleClient:
    """What a browser does without a script: it keeps cookies, and posts the hidden fields of a form."""

    http: httpx.AsyncClient
    tokens: dict[str, CreatedToken]
    served: Served
    form_token: str = ""

    async def get(self, path: str) -> httpx.Response:
        """A page below /console."""
        answer = await self.http.get(f"/console{path}")
        found = re.search(r'name="form_token" value="(\w+)"', answer.text)
        self.form_token = found[1] if found else self.form_token
        return answer

    async def post(self, path: str, **fields: str) -> httpx.Response:
        """Post a form of the page that was got last."""
        return await self.http.post(f"/console{path}", data={"form_token": self.form_token, **fields})

    async def log_in(self, token: str, to: str = "/console/") -> httpx.Response:
        """Log in with the token of a name, or with another text."""
        await self.get("/login")
        text = self.tokens[token].token if token in self.tokens else token
        return await self.post("/login", token=text, next=to)

    async def revoke(self, token: str) -> None:
        """Revoke the token of a name."""
        await revoke_token(self.served.store, self.tokens[token].id, actor="test", now=self.served.now_ms())

    async def give_reason(self, purpose: str = "CROSS_CHECKING", reason: str = "case 7") -> httpx.Response:
        """Say why reports are read."""
        await self.get("/reason")
        return await self.post("/reason", purpose=purpose, reason=reason, next="/console/reports")

    async def ready(self, token: str) -> None:
        """Log in and give a reason."""
        assert (await self.log_in(token)).status_code == 303
        assert (await self.give_reason()).status_code == 303


@asynccontextmanager
async def console_client(home: Home, *, now: Callable[[], int] = now_ms) -> AsyncIterator[ConsoleClient]:
    """A client of a new console without sessions, in this process."""
    async with open_intake(home, now=now) as intake:
        served = Served(home=home, intake=intake, stopping=asyncio.Event())
        authenticator = Authenticator(intake.store, (), intake.clock)
        app = application(served, ENDPOINTS, authenticator, console_routes(served, authenticator))
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://node.example") as http:
            yield ConsoleClient(http=http, tokens=await create_tokens(intake.store), served=served)
        await authenticator.close()


@contextmanager
def site_in_thread(path: Path) -> Iterator[Site]:
    """The console of the home at `path` behind the real gateway, in a thread of its own, for tests with a browser."""
    ready, made, loop = threading.Event(), list[Site](), asyncio.new_event_loop()
    stopping = asyncio.Event()
    home = with_gateway(path, listen="127.0.0.1:0", console=True)

    async def run() -> None:
        with bound_gateway(home, console_of) as gateway:
            async with open_intake(home) as intake, asyncio.TaskGroup() as group:
                group.create_task(gateway.serve(intake, stopping))
                tokens = await create_tokens(intake.store)
                made.append(Site(url=gateway.names[0], tokens={name: made.token for name, made in tokens.items()}))
                ready.set()

    def in_thread() -> None:
        try:
            loop.run_until_complete(run())
        finally:
            ready.set()

    thread = threading.Thread(target=in_thread, daemon=True)
    thread.start()
    assert ready.wait(30)
    assert made, "the console did not start"
    try:
        yield made[0]
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join(20)
        loop.close()
