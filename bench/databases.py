"""The PostgreSQL that is measured: a server of its own, which keeps what it committed as an operator's does."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.postgres import Server


@contextmanager
def postgresql() -> Iterator[str | None]:
    """The URL of an empty database, beside which is an empty `enlace_filled`.

    None, with the reason on stderr, if no server is installed.
    """
    try:
        server = Server(durable=True, settings={"shared_buffers": "1GB", "max_wal_size": "8GB"})
    except pytest.skip.Exception as missing:
        print(f"not measured with PostgreSQL: {missing}", file=sys.stderr, flush=True)
        yield None
        return
    try:
        server.start()
        for name in ("enlace_bench", "enlace_filled"):
            server.execute(f"CREATE DATABASE {name}")
        yield server.url("enlace_bench")
    finally:
        server.close()
