"""A store on PostgreSQL over TLS, with a real server: the node verifies the server, and shows its own certificate."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from node.database.backend import StoreOptions
from node.database.engine import Store
from node.database.migrate import is_current
from node.errors import Unavailable
from tests.support import postgres
from tests.support.certificates import HOST, Authority, pem

CLIENTS: Final = "sslcert=enlace.pem&sslkey=enlace.key"
PASSWORD: Final = "s3cret-of-the-role"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home: both authorities, and the node's certificate by the authority of the server."""
    made = tmp_path_factory.mktemp("tls")
    for name in ("exchange", "stranger"):
        authority = Authority(name)
        (made / f"{name}-ca.pem").write_text(pem(authority.certificate))
        authority.issue(made, f"{name}-server")
        authority.issue(made, f"{name}-elsewhere", address="192.0.2.99")
        if name == "exchange":
            authority.issue(made, "enlace")
    (made / "pgpass").write_text(f"{HOST}:*:store:guarded:{PASSWORD}\n")
    (made / "pgpass").chmod(0o600)
    return made


def _server(folder: Path, certificate: str | None) -> postgres.Server:
    settings = {"ssl": "off"}
    if certificate is not None:
        files = {"ssl_cert_file": f"{certificate}.pem", "ssl_key_file": f"{certificate}.key"}
        settings = {"ssl": "on", "ssl_ca_file": "exchange-ca.pem", **files}
    made = postgres.Server(port=postgres.free_port(), settings=settings)
    for name in set(settings.values()) - {"on", "off"}:
        made.add_file(name, (folder / name).read_text())
    rules = "hostssl all guarded all scram-sha-256\nhostssl all all all cert\n" if certificate else ""
    made.add_file("pg_hba.conf", f"local all all trust\n{rules}host all all all {'reject' if rules else 'trust'}\n")
    made.start()
    made.execute("CREATE DATABASE store")
    made.execute(f"CREATE ROLE guarded LOGIN SUPERUSER PASSWORD '{PASSWORD}'")
    return made


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[postgres.Server]:
    """Requires TLS, and a client certificate or a password."""
    made = _server(folder, "exchange-server")
    yield made
    made.close()


@pytest.fixture(scope="module")
def plain(folder: Path) -> Iterator[postgres.Server]:
    """Has no TLS."""
    made = _server(folder, None)
    yield made
    made.close()


@pytest.fixture(scope="module")
def misnamed(folder: Path) -> Iterator[postgres.Server]:
    """Its certificate is for another address."""
    made = _server(folder, "exchange-elsewhere")
    yield made
    made.close()


def url(server: postgres.Server, *parameters: str, user: str = postgres.OWNER) -> str:
    """The store on `server`, with the mode that a server on another machine has by default."""
    return f"postgresql+psycopg://{user}@{HOST}:{server.port}/store?" + "&".join(("sslmode=verify-full", *parameters))


async def _open(server: postgres.Server, folder: Path, *parameters: str, user: str = postgres.OWNER) -> bool:
    store = await Store.open(url(server, *parameters, user=user), StoreOptions(folder=folder))
    try:
        return await store.read(is_current)
    finally:
        await store.close()


async def test_a_verified_server_is_used_with_the_certificate_of_the_node(
    server: postgres.Server, folder: Path
) -> None:
    """The files are relative to the home."""
    assert await _open(server, folder, "sslrootcert=exchange-ca.pem", CLIENTS)


async def test_a_password_comes_from_the_password_file(server: postgres.Server, folder: Path) -> None:
    """So it is in no URL, and no process shows it."""
    assert await _open(server, folder, "sslrootcert=exchange-ca.pem", "passfile=pgpass", user="guarded")


@pytest.mark.parametrize(
    ("kind", "authority", "reason"),
    [
        ("server", "stranger-ca.pem", "certificate verify failed"),
        ("misnamed", "exchange-ca.pem", "does not match host name"),
        ("plain", "exchange-ca.pem", "does not support SSL"),
    ],
)
async def test_another_server_is_not_used(
    kind: str, authority: str, reason: str, folder: Path, request: pytest.FixtureRequest
) -> None:
    """Another authority, another name, no TLS: nothing is sent to it, and the store is unavailable."""
    with pytest.raises(Unavailable) as refused:
        await _open(request.getfixturevalue(kind), folder, f"sslrootcert={authority}", CLIENTS)

    assert refused.value.code == "store_unavailable"
    assert reason in refused.value.message


@pytest.mark.parametrize(("parameters", "user"), [((), postgres.OWNER), (("passfile=wrong",), "guarded")])
async def test_a_server_that_refuses_the_node_is_unavailable_and_no_password_is_shown(
    parameters: tuple[str, ...], user: str, server: postgres.Server, folder: Path
) -> None:
    """Without a client certificate, and with a wrong password."""
    (folder / "wrong").write_text(f"{HOST}:*:store:guarded:not-{PASSWORD}\n")
    (folder / "wrong").chmod(0o600)
    with pytest.raises(Unavailable) as refused:
        await _open(server, folder, "sslrootcert=exchange-ca.pem", *parameters, user=user)

    assert PASSWORD not in f"{refused.value} {refused.value.hint} {refused.value.__cause__}"


async def test_a_private_key_that_others_can_read_is_refused(server: postgres.Server, folder: Path) -> None:
    """libpq itself refuses it."""
    exposed = folder / "exposed.key"
    exposed.write_text((folder / "enlace.key").read_text())
    exposed.chmod(0o644)
    with pytest.raises(Unavailable, match=r"exposed\.key"):
        await _open(server, folder, "sslrootcert=exchange-ca.pem", "sslcert=enlace.pem&sslkey=exposed.key")
