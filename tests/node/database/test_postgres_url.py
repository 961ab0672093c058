"""node/database/postgres_url.py: which URLs of a PostgreSQL store are taken, and with which protection."""

import sys
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from node.database.backend import StoreOptions
from node.database.engine import backend_at
from node.database.postgres_url import checked
from node.errors import UsageError

BASE = "postgresql+psycopg://enlace"


@pytest.mark.parametrize(
    "url",
    [
        f"{BASE}@/store",
        f"{BASE}@/store?host=/run/postgresql",
        f"{BASE}@localhost/store",
        f"{BASE}@127.0.0.1:5433/store",
        f"{BASE}@127.9.9.9/store",
        f"{BASE}@[::1]/store",
        f"{BASE}@/store?host=localhost:5432&host=127.0.0.1:5433",
    ],
)
def test_a_server_on_this_machine_needs_no_tls(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Unix socket and loopback do not leave the machine."""
    monkeypatch.delenv("PGHOST", raising=False)

    assert "sslmode" not in checked(make_url(url), StoreOptions()).query


@pytest.mark.parametrize(
    "host",
    [
        "@db.example/store",
        "@10.0.0.1/store",
        "@localhost.example/store",
        "@0.0.0.0/store",
        "@[2001:db8::1]/store",
        "@/store?host=10.0.0.1",
        "@/store?host=/run/postgresql&host=db.example",
        "@localhost/store?host=db.example",
        "@/store?host=localhost,db.example",
    ],
)
@pytest.mark.parametrize("mode", ["disable", "allow", "prefer", "require", "verify-ca"])
def test_a_server_elsewhere_is_refused_without_verified_tls(host: str, mode: str) -> None:
    """Every mode but `verify-full` lets another machine answer in the place of the server."""
    url = f"{BASE}{host}{'&' if '?' in host else '?'}sslmode={mode}"
    with pytest.raises(UsageError) as refused:
        checked(make_url(url), StoreOptions())

    assert (refused.value.code, refused.value.path) == ("store_unprotected", "store.url")
    allowed = checked(make_url(url), StoreOptions(unsafe_plaintext=True))
    assert allowed.query["sslmode"] == mode


def test_a_server_that_only_the_environment_names_needs_tls_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a host in the URL, libpq takes PGHOST."""
    monkeypatch.setenv("PGHOST", "db.example")
    with pytest.raises(UsageError) as refused:
        checked(make_url(f"{BASE}@/store?sslmode=prefer"), StoreOptions())

    assert refused.value.code == "store_unprotected"


def test_a_server_elsewhere_is_verified_by_default(tmp_path: Path) -> None:
    """Files are relative to the home."""
    (tmp_path / "ca.pem").write_text("")
    url = checked(make_url(f"{BASE}@db.example/store?sslrootcert=ca.pem"), StoreOptions(folder=tmp_path))

    assert url.query == {"sslmode": "verify-full", "sslrootcert": str(tmp_path / "ca.pem")}
    assert checked(make_url(f"{BASE}@db.example/store?sslrootcert=system"), StoreOptions()).query == {
        "sslmode": "verify-full",
        "sslrootcert": "system",
    }


@pytest.mark.parametrize(
    ("rest", "code", "told"),
    [
        ("@db.example/store", "tls_incomplete", "sslrootcert"),
        ("@db.example/store?sslrootcert=absent.pem", "file_unreadable", "absent.pem"),
        ("@/store?passfile=absent", "file_unreadable", "absent"),
        ("@localhost", "store_url_invalid", "database"),
        ("@localhost/store?ssl=true", "store_url_invalid", "ssl"),
        ("@localhost/store?hostaddr=10.0.0.1", "store_url_invalid", "hostaddr"),
        ("@localhost/store?service=other", "store_url_invalid", "service"),
        ("@db.example/store?sslmode=disable&sslmode=verify-full", "store_url_invalid", "sslmode"),
        ("@localhost/store?sslcert=a&sslcert=b", "store_url_invalid", "sslcert"),
    ],
)
def test_a_wrong_url_is_refused_with_its_reason(rest: str, code: str, told: str, tmp_path: Path) -> None:
    """The path is the key, the text names the part, and a password is never in it."""
    with pytest.raises(UsageError) as refused:
        checked(make_url(f"{BASE}:s3cret{rest}"), StoreOptions(folder=tmp_path))

    assert (refused.value.code, refused.value.path) == (code, "store.url")
    assert told in refused.value.message
    assert refused.value.hint
    assert "s3cret" not in f"{refused.value.message} {refused.value.hint}"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg2://enlace@/store",
        "postgresql+asyncpg://enlace@/store",
        "mysql://enlace@/store",
        "postgresql+psycopg://enlace@localhost:port/store",
        "nonsense",
        "",
        "sqlite://",
    ],
)
def test_a_url_of_another_kind_is_refused(url: str) -> None:
    """The hint names both kinds."""
    with pytest.raises(UsageError) as refused:
        backend_at(url, StoreOptions())

    assert (refused.value.code, refused.value.path) == ("store_url_unknown", "store.url")
    assert "sqlite:///" in str(refused.value.hint)
    assert "postgresql" in str(refused.value.hint)


def test_without_the_driver_the_hint_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL is an optional extra of the package."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(UsageError) as refused:
        backend_at(f"{BASE}@/store", StoreOptions())

    assert (refused.value.code, refused.value.path) == ("store_driver_missing", "store.url")
    assert "postgresql" in str(refused.value.hint)
