"""`/livez`, `/readyz` and `/metrics`: who may ask, and what a node in a bad state answers."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.requests import Request

from node.gateway.application import application
from node.gateway.endpoints import ENDPOINTS
from node.gateway.served import Served
from node.heartbeats import Heartbeats
from node.integrators.caller import Caller
from node.integrators.scopes import Scope
from node.metrics import node_watch
from node.runtime.home import open_home
from node.runtime.open_intake import open_intake
from node.store import counters
from node.tallies import PROBED
from tests.support.processes import agreement, lab, publish, running, settle
from tests.support.serving import NoCallers

HERE, ELSEWHERE = ("127.0.0.1", 1), ("192.0.2.7", 1)


class HasScope:
    """Knows one caller."""

    def __init__(self, scope: Scope) -> None:
        self._caller = Caller(name="prometheus", scopes=frozenset({scope}), actor="token prometheus (1)")

    async def caller_of(self, request: Request) -> Caller:  # noqa: ARG002 - the port has it
        """Always the same."""
        return self._caller


@asynccontextmanager
async def gateway(
    home: Path, *, peer: tuple[str, int] = HERE, callers: Any = None, heartbeats: Heartbeats | None = None
) -> AsyncIterator[tuple[Served, httpx.AsyncClient]]:
    """A gateway beside the daemon, and a client of it."""
    async with open_intake(open_home(home)) as intake:
        served = Served(home=intake.home, intake=intake, stopping=asyncio.Event(), heartbeats=heartbeats)
        transport = httpx.ASGITransport(application(served, ENDPOINTS, callers or NoCallers()), client=peer)
        async with httpx.AsyncClient(transport=transport, base_url="http://node") as client:
            yield served, client
        served.stopping.set()
        await served.watch.close()


def asked(home: Path, path: str, headers: dict[str, str] | None = None, **options: Any) -> httpx.Response:
    """The answer to one request."""

    async def ask() -> httpx.Response:
        async with gateway(home, **options) as (_, client):
            return await client.get(path, headers=headers)

    return asyncio.run(ask())


def codes(answer: httpx.Response) -> list[str]:
    """The codes of the problems of an answer, each of which has all its keys."""
    problems = answer.json()["problems"]
    assert all(problem["message"] and problem["hint"] and problem["since"] for problem in problems)
    assert answer.status_code == (503 if problems else 200)
    return [problem["code"] for problem in problems]


@pytest.fixture(scope="module")
def exchanged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """A lab of BZ and GT whose daemons run and have exchanged a report."""
    homes = lab(tmp_path_factory.mktemp("health"), ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))
    with running(*homes.values()):
        publish(homes["BZ"], "A boat was seen.")
        settle(*homes.values())
        yield homes


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_a_node_that_runs_and_is_caught_up_is_well(exchanged: dict[str, Path], path: str) -> None:
    """No token is needed, from anywhere."""
    assert codes(asked(exchanged["BZ"], path, peer=ELSEWHERE)) == []


def test_a_node_without_a_daemon_is_alive_and_not_ready(tmp_path: Path) -> None:
    """The gateway can run as a process of its own."""
    home = lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))["BZ"]

    assert codes(asked(home, "/livez")) == []
    assert codes(asked(home, "/readyz")) == ["daemon_down"]


def test_a_daemon_that_answers_itself_runs(tmp_path: Path) -> None:
    """Even if somebody removed the file of its lock."""
    home = lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))["BZ"]

    assert codes(asked(home, "/readyz", heartbeats=Heartbeats())) == []


def test_a_store_that_cannot_be_written_makes_the_node_unready(
    exchanged: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process holds its lock. The answer comes in time, and the next one after the lock is fine again."""
    monkeypatch.setattr(node_watch, "READY_SECONDS_MAX", 0.3)
    monkeypatch.setattr(node_watch, "KEEP_SECONDS", 0.0)

    async def ask() -> list[list[str]]:
        async with gateway(exchanged["GT"]) as (_, client):
            with closing(sqlite3.connect(exchanged["GT"] / "store.db", isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                locked = codes(await client.get("/readyz"))
                other.execute("ROLLBACK")
            async with asyncio.timeout(60):
                while found := codes(await client.get("/readyz")):
                    pass
        return [locked, found]

    assert asyncio.run(ask()) == [["store_unavailable"], []]


def test_a_log_that_is_away_makes_the_node_unready_and_no_answer_names_a_file(tmp_path: Path) -> None:
    """Whoever asks without a token learns codes, and no address or path."""
    homes = lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))
    with running(homes["BZ"]):
        for file in (tmp_path / "lab").glob("log.db*"):
            file.unlink()
        answer = asked(homes["BZ"], "/readyz")

    assert codes(answer) == ["bus_unavailable"]
    assert str(tmp_path) not in answer.text
    assert "sqlite" not in answer.text


def test_a_full_disk_makes_the_node_unready(exchanged: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_watch, "SPACE_BYTES_MIN", 1 << 60)

    assert codes(asked(exchanged["BZ"], "/readyz")) == ["disk_full"]


@pytest.mark.parametrize(("unread", "found"), [(False, "sending_stalled"), (True, "reading_stalled")])
def test_a_node_that_makes_no_progress_for_a_minute_is_not_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unread: bool, found: str
) -> None:
    """Its daemon is said to run, and does nothing."""
    homes = lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))
    publish(homes["BZ"], "A boat was seen.")
    if unread:
        with running(homes["BZ"]):
            settle(homes["BZ"])
    monkeypatch.setattr(node_watch, "is_running", lambda _: True)
    monkeypatch.setattr(node_watch, "KEEP_SECONDS", 0.0)
    monkeypatch.setattr("node.metrics.progress.STALL_SECONDS_MAX", 0.05)

    async def ask() -> list[str]:
        async with gateway(homes["GT" if unread else "BZ"]) as (_, client):
            assert codes(await client.get("/readyz")) == []
            async with asyncio.timeout(60):
                while not (seen := codes(await client.get("/readyz"))):
                    pass
        return seen

    assert asyncio.run(ask()) == [found]


def test_a_job_that_is_stuck_makes_the_process_unwell(
    exchanged: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer names the job, and since when it is stuck."""
    jobs = Heartbeats()
    monkeypatch.setattr(jobs, "silent", lambda: {"relay": 400.0})
    answer = asked(exchanged["BZ"], "/livez", heartbeats=jobs)

    assert codes(answer) == ["job_stuck"]
    assert answer.json()["problems"][0]["subject"] == "relay"


def test_many_polls_write_once_in_a_while(exchanged: dict[str, Path]) -> None:
    """Two hundred requests at once are one transaction."""

    async def ask() -> tuple[set[int], int]:
        async with gateway(exchanged["BZ"]) as (served, client):
            before = await served.store.read(lambda db: counters.value(db, PROBED))
            answers = await asyncio.gather(*(client.get("/readyz") for _ in range(200)))
            after = await served.store.read(lambda db: counters.value(db, PROBED))
        return {answer.status_code for answer in answers}, after - before

    assert asyncio.run(ask()) == ({200}, 1)


def test_prometheus_reads_the_figures_of_the_node(exchanged: dict[str, Path]) -> None:
    answer = asked(exchanged["GT"], "/metrics")
    found = {family.name: family for family in text_string_to_metric_families(answer.text)}
    received = {
        (sample.labels["outcome"], sample.labels["code"]): sample.value
        for sample in found["enlace_records_received"].samples
    }

    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert received["stored", ""] == 1
    assert [sample.value for sample in found["enlace_daemon_running"].samples] == [1]
    assert {sample.value for sample in found["enlace_stream_lag"].samples} == {0}
    assert found["process_resident_memory_bytes"].samples


@pytest.mark.parametrize(
    ("peer", "headers", "status"),
    [
        (HERE, {}, 200),
        (("::1", 1), {}, 200),
        (("::ffff:127.0.0.1", 1), {}, 200),
        (ELSEWHERE, {}, 401),
        (ELSEWHERE, {"X-Forwarded-For": "127.0.0.1"}, 401),
        (ELSEWHERE, {"Forwarded": "for=127.0.0.1", "Host": "127.0.0.1", "X-Real-IP": "127.0.0.1"}, 401),
        (HERE, {"X-Forwarded-For": "192.0.2.7"}, 401),
        (("unix", 1), {}, 401),
    ],
)
def test_only_a_peer_on_this_machine_needs_no_token_for_metrics(
    exchanged: dict[str, Path], peer: tuple[str, int], headers: dict[str, str], status: int
) -> None:
    """A header does not make a peer local. A request through a proxy on this machine is not local."""
    assert asked(exchanged["BZ"], "/metrics", headers, peer=peer).status_code == status


@pytest.mark.parametrize("scope", Scope)
def test_from_elsewhere_metrics_need_the_scope_admin(exchanged: dict[str, Path], scope: Scope) -> None:
    answer = asked(exchanged["BZ"], "/metrics", peer=ELSEWHERE, callers=HasScope(scope))

    assert answer.status_code == (200 if scope is Scope.ADMIN else 403)


def test_metrics_are_there_while_the_store_is_not(exchanged: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """The figures of the process, and that the store cannot be read."""
    monkeypatch.setattr(node_watch, "FIGURES_SECONDS_MAX", 0.0)
    answer = asked(exchanged["BZ"], "/metrics")

    assert answer.status_code == 200
    assert "enlace_store_available 0.0" in answer.text
    assert "process_resident_memory_bytes" in answer.text


def test_requests_are_labelled_by_the_path_of_the_table(exchanged: dict[str, Path]) -> None:
    """What a caller writes into a path is no label."""

    async def ask() -> str:
        async with gateway(exchanged["BZ"]) as (_, client):
            await client.get("/livez?x=1")
            await client.get("/secret-path")
            await client.request("BREW", "/livez")
            return (await client.get("/metrics")).text

    text = asyncio.run(ask())
    assert 'enlace_gateway_requests_total{method="GET",path="/livez",status="2xx"} 1.0' in text
    assert 'enlace_gateway_requests_total{method="other",path="other",status="4xx"} 2.0' in text
    assert "secret-path" not in text
    assert "BREW" not in text
