"""A store that is a PostgreSQL database.

- Writing transactions are READ COMMITTED and take the locks of node/database/locks.py; each ends with a NOTIFY.
- Reading transactions are REPEATABLE READ and READ ONLY: all statements see one state.
- A connection is asked for an answer before it is used, so one that broke while it was idle is replaced.
- The server ends a statement, a wait for a lock and a silent transaction after the time that the options allow.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.pool import QueuePool

from node.database import postgres_claim, postgres_faults, postgres_watch
from node.database.backend import Backend, StoreOptions
from node.database.postgres_claim import PostgresClaim
from node.database.postgres_url import checked
from node.database.postgres_watch import PostgresWatch
from node.errors import UsageError

KEEPALIVE: Final = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 25_000}
"""So that a server that vanished is noticed within half a minute."""

CONNECT_SECONDS_TO_LISTEN: Final = 3  # a daemon that stops waits for the end of this try


def postgres_backend(url: URL, options: StoreOptions) -> Backend:
    """The database at `url`; raises UsageError. Connects to nothing yet."""
    try:
        import psycopg
    except ImportError as error:
        raise UsageError(
            "store_driver_missing",
            "a store on PostgreSQL needs the package psycopg",
            path="store.url",
            hint="install Enlace with its extra `postgresql`",
        ) from error
    if not psycopg.pq.version():
        raise AssertionError("psycopg always comes with a libpq")
    writers = max(1, options.connections_max // 2)
    readers = max(1, options.connections_max - writers)
    make = partial(_engine, checked(url, options), options)
    writer = make(connections=writers, isolation=psycopg.IsolationLevel.READ_COMMITTED, read_only=False)
    return Backend(
        writer=writer,
        reader=make(connections=readers, isolation=psycopg.IsolationLevel.REPEATABLE_READ, read_only=True),
        writers=writers,
        readers=readers,
        fault=postgres_faults.fault,
        watch=lambda: PostgresWatch(_listener(writer, options), psycopg.OperationalError),
        claim=lambda: PostgresClaim(_listener(writer, options), psycopg.OperationalError),
        before_commit=postgres_watch.notify,
        empty_journal=lambda _: None,  # WAL segments are the task of the server
    )


def _engine(url: URL, options: StoreOptions, *, connections: int, isolation: Any, read_only: bool) -> Engine:
    engine = create_engine(
        url,
        connect_args=_arguments(options),
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        pool_use_lifo=True,  # the connection that was used last has the most in its caches
        pool_pre_ping=True,
        hide_parameters=True,  # an error would show the contents of reports
    )

    @event.listens_for(engine, "connect")
    def on_connect(dbapi_connection: Any, _record: Any) -> None:
        dbapi_connection.isolation_level = isolation
        if read_only:
            dbapi_connection.read_only = True

    return engine


def _arguments(options: StoreOptions) -> dict[str, Any]:
    """What libpq is told besides the URL."""
    return {
        "connect_timeout": options.connect_seconds_max,
        "options": _settings(options),
        "gssencmode": "disable",  # it would take the place of TLS
        **KEEPALIVE,
    }


def _settings(options: StoreOptions) -> str:
    """What the server does for each session; libpq sends it when it connects."""
    seconds = {
        "lock_timeout": options.lock_seconds_max,
        "statement_timeout": options.statement_seconds_max,
        "idle_in_transaction_session_timeout": options.statement_seconds_max,
    }
    # An answer `accepted`, and a batch that was sent, must outlive a crash of the server.
    others = {"client_encoding": "UTF8", "synchronous_commit": "on"}
    settings = {name: f"{value}s" for name, value in seconds.items()} | others | postgres_claim.KEEPALIVE
    return " ".join(f"-c {name}={value}" for name, value in settings.items())


def _listener(engine: Engine, options: StoreOptions) -> Callable[[], Any]:
    """Opens connections like those of `engine`, in autocommit mode, outside its pool."""

    def connect() -> Any:
        import psycopg

        arguments, keywords = engine.dialect.create_connect_args(engine.url)
        own = {"connect_timeout": CONNECT_SECONDS_TO_LISTEN, "autocommit": True}
        return psycopg.connect(*arguments, **{**keywords, **_arguments(options), **own})

    return connect
