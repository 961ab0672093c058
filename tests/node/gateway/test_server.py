"""Where and how a gateway may start: addresses, TLS, and what is in its way."""

import asyncio
import json
import os
import signal
import socket
import stat
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from node.errors import EnlaceError, Unavailable, UsageError
from node.gateway.server import bound_gateway
from tests.support.processes import ENLACE, Daemon, enlace, ok
from tests.support.serving import serving, two_nodes, with_gateway


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a node."""
    return two_nodes(tmp_path_factory.mktemp("server"))


def refused(path: Path, **section: Any) -> EnlaceError:
    """The error with which the gateway does not start."""
    with pytest.raises(EnlaceError) as raised, bound_gateway(with_gateway(path, **section)):
        pass
    return raised.value


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0", "192.0.2.1:8443", "[fe80::1]:1", "[::ffff:192.0.2.1]:0"])
def test_beyond_loopback_the_gateway_needs_tls(path: Path, listen: str) -> None:
    """It does not listen for a moment."""
    error = refused(path, listen=listen)

    assert (type(error), error.code, error.path) == (UsageError, "gateway_unprotected", "gateway.listen")
    assert "certificate_file" in (error.hint or "")


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "127.1.2.3:0", "localhost:0", "[::1]:0"])
def test_on_loopback_the_gateway_starts_without_tls(path: Path, listen: str) -> None:
    with bound_gateway(with_gateway(path, listen=listen)) as gateway:
        assert all(name.startswith("http://") for name in gateway.names)
        assert gateway.doors


@pytest.mark.parametrize(
    "listen", ["8443", ":8443", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "::1:8443", "a:-1", "a:٣", "http://a:1"]
)
def test_an_address_of_another_form_is_refused(path: Path, listen: str) -> None:
    assert (refused(path, listen=listen).code, refused(path, listen=listen).path) == ("value_invalid", "gateway.listen")


@pytest.mark.parametrize("listen", ["nowhere.invalid:1", f"{'a' * 70}:1", "..:1"])
def test_a_name_without_an_address_is_refused(path: Path, listen: str) -> None:
    assert refused(path, listen=listen).code == "gateway_unavailable"


def test_an_address_that_is_in_use_is_named(path: Path) -> None:
    with bound_gateway(with_gateway(path, listen="127.0.0.1:0")) as gateway:
        port = gateway.names[0].rpartition(":")[2]
        error = refused(path, listen=f"127.0.0.1:{port}")

    assert (type(error), error.code, error.path) == (Unavailable, "gateway_unavailable", "gateway.listen")
    assert f"127.0.0.1:{port}" in error.message


def test_a_home_without_a_gateway_has_none_to_run(path: Path) -> None:
    code, [answer] = enlace("gateway", "run", home=path)

    assert (code, answer["error"]["code"]) == (2, "gateway_not_configured")


def test_the_local_socket_is_for_all_users_and_goes_with_its_process(path: Path) -> None:
    """The modes of the folders decide who reaches it."""
    with bound_gateway(with_gateway(path, socket="gateway.sock")):
        assert stat.S_IMODE((path / "gateway.sock").stat().st_mode) == 0o666
    assert not (path / "gateway.sock").exists()


def test_a_socket_without_its_process_is_replaced_and_one_that_is_served_is_not(path: Path) -> None:
    """Neither one that a gateway serves, nor one of another program."""
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path / "gateway.sock"))
        other.listen(1)
        served = refused(path, socket="gateway.sock")
    with bound_gateway(with_gateway(path, socket="gateway.sock")):
        own = refused(path, socket="gateway.sock")

    assert [(type(error), error.code, error.path) for error in (served, own)] == [
        (Unavailable, "gateway_unavailable", "gateway.socket")
    ] * 2


@pytest.mark.parametrize("name", ["node.toml", "documents", "no/folder.sock", "x" * 120])
def test_a_path_that_cannot_be_a_socket_is_refused_and_left_alone(path: Path, name: str) -> None:
    before = sorted(path.iterdir())
    error = refused(path, socket=name)

    assert (type(error), error.path) == (UsageError, "gateway.socket")
    assert set(before) <= set(path.iterdir())


async def test_answers_end_when_the_gateway_stops(path: Path) -> None:
    """An idle connection is closed, and no new one is accepted."""
    async with serving(path) as running, running.client() as client:
        assert (await client.get("/v1/status")).status_code == 401
        running.stopping.set()
        await asyncio.wait_for(running.task, 3)
        with pytest.raises(httpx.ConnectError):
            await running.client().get("/v1/status")


def _configured(path: Path, text: str) -> None:
    config = path / "node.toml"
    config.write_text(config.read_text().split("[gateway]")[0] + f"[gateway]\n{text}\n")


def test_the_daemon_serves_the_gateway_and_refuses_to_start_without_it(tmp_path: Path) -> None:
    """A port in use is exit 4 before the node is ready; a token that is revoked is refused at once."""
    path = two_nodes(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        _configured(path, f'listen = "127.0.0.1:{taken.getsockname()[1]}"')
        code, [answer] = enlace("run", home=path)
        assert (code, answer["error"]["code"]) == (4, "gateway_unavailable")
        port = taken.getsockname()[1]
    _configured(path, f'listen = "127.0.0.1:{port}"\nsocket = "gateway.sock"')
    daemon = Daemon(path)
    try:
        daemon.ready()
        [made] = ok("token", "create", "--name", "case", "--scope", "read", home=path)
        headers = {"Authorization": f"Bearer {made['token']}"}
        url = f"http://127.0.0.1:{port}/v1/status"
        assert httpx.get(url, headers=headers).json()["node"] == "BZ"
        ok("token", "revoke", made["id"], home=path)
        assert httpx.get(url, headers=headers).json()["code"] == "token_revoked"
        assert made["token"] not in daemon.log.read_text()
    finally:
        code, seconds = daemon.stop()
    assert (code, seconds < 8) == (0, True)
    assert not (path / "gateway.sock").exists()


def test_the_gateway_runs_as_a_process_of_its_own(tmp_path: Path) -> None:
    """Its first line says where it listens; SIGTERM ends it with 0, also after one that was killed."""
    path = two_nodes(tmp_path)
    _configured(path, 'listen = "127.0.0.1:0"\nsocket = "gateway.sock"')
    command = [str(ENLACE), "gateway", "run", "--home", str(path)]
    for number in (signal.SIGKILL, signal.SIGTERM):
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ) as process:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            assert (ready["event"], ready["node"], len(ready["listen"])) == ("gateway_ready", "BZ", 2)
            assert httpx.get(f"{ready['listen'][0]}/v1/status").json()["code"] == "token_missing"
            process.send_signal(number)
            assert process.wait(20) == (-signal.SIGKILL if number == signal.SIGKILL else 0)
