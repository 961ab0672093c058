"""TLS of the gateway: versions, client certificates as a gate, files that are wrong, and renewal without a restart."""

import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog.testing

from node.errors import UsageError
from node.gateway.server import bound_gateway
from tests.support.certificates import Authority, pem
from tests.support.serving import Running, exchange_bytes, serving, two_nodes, with_gateway

STATUS = "/v1/status"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a node."""
    return two_nodes(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def authority() -> Authority:
    """The authority of the server."""
    return Authority("authority")


@pytest.fixture
def files(path: Path, authority: Authority) -> dict[str, Any]:
    """The keys of [gateway] for a certificate of the authority."""
    certificate, key = issued(authority, path, "server")
    return {"certificate_file": certificate.name, "key_file": key.name}


def issued(authority: Authority, folder: Path, name: str) -> tuple[Path, Path]:
    """The files of a new certificate and of its key."""
    authority.issue(folder, name)
    return folder / f"{name}.pem", folder / f"{name}.key"


def trusting(authority: Authority, *, certificate: tuple[Path, Path] | None = None, **versions: Any) -> ssl.SSLContext:
    """A client that trusts an authority."""
    context = ssl.create_default_context(cadata=pem(authority.certificate))
    if certificate is not None:
        context.load_cert_chain(*certificate)
    for name, version in versions.items():
        setattr(context, name, version)
    return context


async def status(running: Running, context: ssl.SSLContext) -> int:
    """Status of a request without a token."""
    async with running.client(verify=context) as client:
        return (await client.get(STATUS)).status_code


async def test_the_gateway_speaks_tls_1_2_or_later_and_a_token_is_still_needed(
    path: Path, files: dict[str, Any], authority: Authority
) -> None:
    old = trusting(authority, minimum_version=ssl.TLSVersion.MINIMUM_SUPPORTED)
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    async with serving(path, **files) as running:
        assert running.url.startswith("https://")
        assert await status(running, trusting(authority, maximum_version=ssl.TLSVersion.TLSv1_2)) == 401
        assert await status(running, trusting(authority, minimum_version=ssl.TLSVersion.TLSv1_3)) == 401
        with pytest.raises(httpx.ConnectError):
            await status(running, old)
        with pytest.raises(httpx.ConnectError):
            await status(running, trusting(Authority("another")))
        assert b"HTTP/1.1" not in await exchange_bytes(running.port, b"GET / HTTP/1.1\r\nHost: node\r\n\r\n")


async def test_with_an_authority_of_clients_each_client_needs_a_certificate_of_it(
    path: Path, files: dict[str, Any], authority: Authority, tmp_path: Path
) -> None:
    """A gate in front of the token: neither replaces the other."""
    clients = Authority("clients")
    (path / "clients.pem").write_text(pem(clients.certificate))
    right = issued(clients, tmp_path, "right")
    wrong = issued(Authority("clients"), tmp_path, "wrong")
    async with serving(path, client_ca_file="clients.pem", **files) as running:
        for certificate in (None, wrong):
            with pytest.raises((httpx.TransportError, ssl.SSLError)):
                await status(running, trusting(authority, certificate=certificate))
        assert await status(running, trusting(authority, certificate=right)) == 401


async def test_new_connections_use_a_renewed_certificate_and_open_ones_go_on(
    path: Path, files: dict[str, Any], authority: Authority, tmp_path: Path
) -> None:
    """While certificate and key do not belong together, the former ones stay."""
    renewed = Authority("renewed")
    certificate, key = issued(renewed, tmp_path, "server")
    async with serving(path, **files) as running, running.client(verify=trusting(authority)) as open_one:
        assert (await open_one.get(STATUS)).status_code == 401
        with structlog.testing.capture_logs() as logs:
            certificate.replace(path / files["certificate_file"])
            assert await status(running, trusting(authority)) == 401
            key.replace(path / files["key_file"])
            assert await status(running, trusting(renewed)) == 401
        with pytest.raises(httpx.ConnectError):
            await status(running, trusting(authority))
        assert (await open_one.get(STATUS)).status_code == 401
    events = [entry["event"] for entry in logs if entry["event"].startswith("gateway_certificate")]

    assert events == ["gateway_certificate_unusable", "gateway_certificate_renewed"]


def refused(path: Path, **section: Any) -> tuple[str, str | None]:
    """Code and path of the error with which the gateway does not start."""
    with pytest.raises(UsageError) as raised, bound_gateway(with_gateway(path, listen="127.0.0.1:0", **section)):
        pass
    return raised.value.code, raised.value.path


def test_a_key_that_others_can_read_is_refused(path: Path, files: dict[str, Any]) -> None:
    (path / files["key_file"]).chmod(0o644)
    assert refused(path, **files) == ("secret_exposed", "gateway.key_file")


def test_files_that_are_missing_or_do_not_belong_together_are_named(
    path: Path, files: dict[str, Any], tmp_path: Path
) -> None:
    certificate, key = files["certificate_file"], files["key_file"]
    issued(Authority("authority"), tmp_path, "other")[1].replace(path / "other.key")
    (path / "nothing.pem").write_text("nothing")

    assert refused(path, certificate_file=certificate) == ("tls_incomplete", "gateway.key_file")
    assert refused(path, key_file=key) == ("tls_incomplete", "gateway.certificate_file")
    assert refused(path, client_ca_file=certificate) == ("tls_incomplete", "gateway.certificate_file")
    assert refused(path, certificate_file="x", key_file=key) == ("file_unreadable", "gateway.certificate_file")
    assert refused(path, certificate_file=certificate, key_file="x") == ("secret_unreadable", "gateway.key_file")
    assert refused(path, certificate_file=certificate, key_file="other.key") == (
        "tls_invalid",
        "gateway.certificate_file",
    )
    assert refused(path, client_ca_file="nothing.pem", **files) == ("tls_invalid", "gateway.client_ca_file")
