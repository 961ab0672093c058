"""The examples of clients: what they do with a refusal and with an answer that passes."""

import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples" / "clients"


class AnsweringServer(HTTPServer):
    """Answers each POST with the next of `statuses`, and keeps the idempotency keys that came."""

    statuses: tuple[int, ...] = ()
    keys: tuple[str | None, ...] = ()


class Answer(BaseHTTPRequestHandler):
    """A problem, or the receipt that the examples wait for."""

    server: AnsweringServer

    def do_POST(self) -> None:  # the name is that of http.server
        """One answer of the list."""
        self.rfile.read(int(self.headers["Content-Length"]))
        status, *rest = self.server.statuses
        self.server.statuses = tuple(rest)
        self.server.keys = (*self.server.keys, self.headers["Idempotency-Key"])
        self._answer(status, b'{"outcome":"accepted","report_id":"R-1","code":"report_refused","errors":[]}')

    def do_GET(self) -> None:  # the name is that of http.server
        """The receipt of Guatemala."""
        self._answer(200, b'{"report_id":"R-1","recipients":[{"recipient":"GT","outcome":"stored"}]}')

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:  # the name is that of http.server
        """No output."""


@pytest.fixture
def server() -> Iterator[AnsweringServer]:
    """On loopback, at a free port."""
    with AnsweringServer(("127.0.0.1", 0), Answer) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


def ran(server: AnsweringServer, folder: Path) -> subprocess.CompletedProcess[str]:
    """`publish.sh` with a report, against this server."""
    (folder / "token").write_text("secret-of-a-test\n")
    (folder / "report.json").write_text("{}")
    return subprocess.run(
        ["bash", str(EXAMPLES / "publish.sh"), str(folder / "report.json")],
        env={
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "ENLACE_GATEWAY": f"http://127.0.0.1:{server.server_port}",
            "ENLACE_TOKEN_FILE": str(folder / "token"),
            "TMPDIR": str(folder),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_example_for_curl_hands_a_refused_report_in_once(server: AnsweringServer, tmp_path: Path) -> None:
    """It shows the refusal; a repetition would be refused again."""
    server.statuses = (422, 202)

    done = ran(server, tmp_path)

    assert done.returncode == 1
    assert done.stderr.count("report_refused") == 1
    assert len(server.keys) == 1


def test_the_example_for_curl_repeats_what_passes_with_the_same_key(server: AnsweringServer, tmp_path: Path) -> None:
    """503, then 202."""
    server.statuses = (503, 202)

    done = ran(server, tmp_path)

    assert (done.returncode, done.stdout) == (0, "R-1 stored at GT\n")
    assert len(server.keys) == 2
    assert len(set(server.keys)) == 1
