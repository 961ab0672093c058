"""Many open connections: the gateway turns away what is above its limit, and the exchange goes on meanwhile."""

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from node.serving.limits import DESCRIPTORS_KEPT
from tests.support.processes import Daemon, publish, settle
from tests.support.serving import two_nodes


@contextmanager
def descriptors(wanted: int) -> Iterator[None]:
    """Allow this process so many open files."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, before[1]), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def is_open(client: socket.socket) -> bool:
    """Whether the other end has neither answered nor closed."""
    try:
        client.recv(1)
    except BlockingIOError:
        return True
    except ConnectionError:
        return False
    return False


def flood(port: int, number: int, stack: ExitStack) -> list[socket.socket]:
    """Open connections, each with the beginning of a request."""
    clients = []
    for _ in range(number):
        client = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
        client.setblocking(False)
        clients.append(client)
        try:
            client.send(b"GET /v1/status HTTP/1.1\r\n")
        except ConnectionError:
            continue
    return clients


@pytest.mark.parametrize(
    ("number", "most"), [(200, 64), pytest.param(10_000, 4096, marks=pytest.mark.slow)], ids=["few", "ten thousand"]
)
def test_open_connections_do_not_stop_the_exchange(tmp_path: Path, number: int, most: int) -> None:
    """A report is sent and read back, and another address gets an answer, while all of them are open."""
    path = two_nodes(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    section = f'[gateway]\nlisten = "127.0.0.1:{port}"\nsocket = "gateway.sock"\nconnections_max = {most}\n'
    (path / "node.toml").write_text((path / "node.toml").read_text() + section)
    daemon = Daemon(path)
    with ExitStack() as stack, descriptors(number + 2 * DESCRIPTORS_KEPT):
        try:
            daemon.ready()
            clients = flood(port, number, stack)
            publish(path, "a report while all connections are open")
            settle(path)
            transport = httpx.HTTPTransport(uds=str(path / "gateway.sock"))
            with httpx.Client(transport=transport, base_url="http://node") as local:
                assert local.get("/v1/status").status_code == 200
            still_open = sum(is_open(client) for client in clients)
        finally:
            code, seconds = daemon.stop()
    assert still_open <= most // 2
    assert "connection_turned_away" in daemon.log.read_text()
    assert (code, seconds < 10) == (0, True)
