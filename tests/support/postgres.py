"""A real PostgreSQL server for the tests of this process, and databases in it: each test has one of its own.

The server has no durability (`fsync` is off) unless a test asks for a server of its own. A database is copied from a
template whose tables are up to date, which takes less time than the migrations.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack, suppress
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy.engine import make_url

from node.database import migrate
from node.database.backend import StoreOptions
from node.database.engine import backend_at

START_SECONDS_MAX: Final = 60.0
POLL_SECONDS: Final = 0.05
OWNER: Final = "enlace"
TEMPLATE: Final = "enlace_template"
_open = ExitStack()
_numbers = count(1)
_UNTIL_STDIN_ENDS: Final = """
exec 3<&0
"$0" -D "$1" </dev/null 3<&- &
server=$!
(read -r line <&3; kill -QUIT $server) 2>/dev/null &
exec 3<&-
wait $server
"""
"""Run the server until it ends, or until the test process does, which has the other end of stdin."""


def binaries() -> Path:
    """The folder of the server's programs. Skips the test, or fails it in CI, if no server is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    on_path = shutil.which("pg_ctl")
    if not found and on_path is None:
        reason = "no PostgreSQL server is installed: apt-get install postgresql"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found[-1].parent if found else Path(str(on_path)).resolve().parent


class Server:
    """One server in a folder of its own, which answers on a Unix socket and, if a port is given, on loopback."""

    def __init__(
        self,
        *,
        port: int | None = None,
        settings: dict[str, str] | None = None,
        durable: bool = False,
        standby_of: "Server | None" = None,
    ) -> None:
        """Make the folder; `start` starts the server. `settings` are those of postgresql.conf."""
        self.binaries = binaries()
        # As root, PostgreSQL runs as its own user, who needs a short path that it may enter.
        self.folder = Path(tempfile.mkdtemp(prefix="enlace-pg-", dir="/tmp"))
        self.data = self.folder / "data"
        self.port = port or 5432
        self._as: dict[str, Any] = {"user": "postgres", "group": "postgres", "extra_groups": []} if _is_root() else {}
        if _is_root():
            shutil.chown(self.folder, "postgres", "postgres")
        if standby_of is None:
            self._run("initdb", "-D", self.data, "-U", OWNER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        else:
            self._run("pg_basebackup", "-D", self.data, "-R", "-c", "fast", "-d", standby_of.conninfo("postgres"))
        chosen = {"listen_addresses": "127.0.0.1" if port else "", "unix_socket_directories": str(self.folder)}
        chosen |= {"port": str(self.port), "max_connections": "200", "log_destination": "stderr"}
        if not durable:
            chosen |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        lines = [f"{name} = '{value}'\n" for name, value in (chosen | (settings or {})).items()]
        with (self.data / "postgresql.conf").open("a") as file:
            file.writelines(lines)
        self._process: subprocess.Popen[bytes] | None = None

    def _run(self, program: str, *arguments: str | Path) -> None:
        subprocess.run(
            [self.binaries / program, *arguments], check=True, capture_output=True, cwd=self.folder, **self._as
        )

    def add_file(self, name: str, content: str) -> None:
        """Put a file into its data folder, readable by the server only."""
        file = self.data / name
        file.write_text(content)
        file.chmod(0o600)
        if _is_root():
            shutil.chown(file, "postgres", "postgres")

    def start(self) -> None:
        """Start it and wait until it answers."""
        log = (self.folder / "log").open("ab")
        self._process = subprocess.Popen(
            ["sh", "-c", _UNTIL_STDIN_ENDS, self.binaries / "postgres", self.data],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd=self.folder,
            **self._as,
        )
        log.close()
        end = time.monotonic() + START_SECONDS_MAX
        while not self._answers():
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(POLL_SECONDS)
            if self._process.poll() is not None or time.monotonic() > end:
                raise AssertionError((self.folder / "log").read_text())

    def _answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.conninfo("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def promote(self) -> None:
        """A standby begins to write."""
        self._run("pg_ctl", "promote", "-D", self.data, "-w")

    def stop(self, how: str = "fast") -> None:
        """Stop it: `fast` ends all sessions, `immediate` is like a crash."""
        if self._process is not None and self._process.stdin is not None:
            with suppress(FileNotFoundError, ProcessLookupError):
                server = int((self.data / "postmaster.pid").read_text().split()[0])
                os.kill(server, {"fast": signal.SIGINT, "immediate": signal.SIGQUIT, "kill": signal.SIGKILL}[how])
            self._process.wait(START_SECONDS_MAX)
            self._process.stdin.close()
        self._process = None

    def conninfo(self, database: str) -> str:
        """How libpq reaches a database as its owner."""
        return f"host={self.folder} port={self.port} user={OWNER} dbname={database}"

    def url(self, database: str) -> str:
        """The same as the URL of a store."""
        return f"postgresql+psycopg://{OWNER}@/{database}?host={self.folder}&port={self.port}"

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Execute one statement outside a transaction."""
        import psycopg

        with psycopg.connect(self.conninfo(database), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def close(self) -> None:
        """Stop it and remove its folder."""
        self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)


def free_port() -> int:
    """A port of loopback that nothing uses now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _is_root() -> bool:
    return os.geteuid() == 0


@cache
def shared() -> Server:
    """The server of this test process. The first call starts it."""
    server = Server()
    _open.callback(server.close)
    server.start()
    server.execute(f"CREATE DATABASE {TEMPLATE}")
    migrate_database(server.url(TEMPLATE))
    return server


def migrate_database(url: str) -> None:
    """Make the tables."""
    backend = backend_at(url, StoreOptions())
    with backend.writer.begin() as connection:
        migrate.upgrade(connection)
    backend.writer.dispose()


def database(*, empty: bool = False) -> str:
    """The URL of a new store whose tables are up to date, or without tables if it is `empty`."""
    binaries()
    server, name = shared(), f"store_{next(_numbers)}"
    server.execute(f"CREATE DATABASE {name} TEMPLATE {'template0' if empty else TEMPLATE}")
    return server.url(name)


def copy(url: str) -> str:
    """The URL of a copy of a store of the shared server that nothing uses now."""
    name = f"store_{next(_numbers)}"
    shared().execute(f"CREATE DATABASE {name} TEMPLATE {name_of(url)}")
    return shared().url(name)


def drop(url: str) -> None:
    """Remove a store of the shared server, and end the sessions that use it."""
    shared().execute(f"DROP DATABASE {name_of(url)} WITH (FORCE)")


def name_of(url: str) -> str:
    """The name of the database of a store."""
    return str(make_url(url).database)


def end() -> None:
    """Stop the shared server, if it was started."""
    shared.cache_clear()
    _open.close()
