"""Where the client connects to, and that its token is in no text."""

import pickle
from pathlib import Path

import pytest

from enlace.addresses import address_of
from enlace.client import AsyncClient, Client, ClientError, InvalidCall
from enlace.credentials import Token, token_from

SECRET = "elk_9f8e7d6c5b4a_secret"
HTTPS = "https://node.example:8443"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (HTTPS, HTTPS),
        ("https://node.example/", "https://node.example"),
        ("http://127.0.0.1:8443", "http://127.0.0.1:8443"),
        ("http://[::1]:8443", "http://[::1]:8443"),
        ("http://localhost:1", "http://localhost:1"),
    ],
)
def test_an_address_is_https_or_http_on_loopback(text: str, url: str) -> None:
    assert address_of(text).url == url


def test_an_address_may_be_a_socket_of_this_machine(tmp_path: Path) -> None:
    assert address_of(f"unix:{tmp_path}/socket").socket == f"{tmp_path}/socket"


@pytest.mark.parametrize("host", ["node.example", "10.0.0.1", "127.0.0.1.example", "localhost.example"])
def test_http_to_another_machine_is_refused_because_it_would_show_the_token(host: str) -> None:
    with pytest.raises(InvalidCall) as raised:
        address_of(f"http://{host}:8443")

    assert raised.value.code == "address_unprotected"


@pytest.mark.parametrize(
    "text", ["", "node.example:8443", "ftp://node.example", "https://", "https://h:99999", "https://h/v1", "unix:"]
)
def test_another_text_is_not_an_address(text: str) -> None:
    with pytest.raises(InvalidCall) as raised:
        address_of(text)

    assert raised.value.code == "address_invalid"


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(InvalidCall) as raised:
        address_of("https://user:hidden-word@node.example")

    assert "hidden-word" not in str(raised.value)


def test_no_text_of_a_client_shows_the_token() -> None:
    with Client(HTTPS, token=SECRET) as client:
        shown = [repr(client), str(client), repr(client._session.settings), repr(vars(client._session))]
    shown += [repr(AsyncClient(HTTPS, token=SECRET)), repr(Token(SECRET))]

    assert not [text for text in shown if SECRET in text]


def test_a_token_is_not_pickled() -> None:
    with pytest.raises(TypeError, match="token"):
        pickle.dumps(Token(SECRET))


def test_a_token_that_would_break_a_header_is_refused_and_not_repeated() -> None:
    with pytest.raises(InvalidCall) as raised:
        Token(f"{SECRET}\r\nX: y")

    assert raised.value.code == "token_malformed"
    assert SECRET not in str(raised.value)


def test_the_token_comes_from_the_argument_the_file_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "token"
    file.write_text("of-file\n")
    monkeypatch.setenv("ENLACE_TOKEN", "of-variable")
    found = [token_from("of-argument", file), token_from(None, file), token_from(None, None)]
    monkeypatch.setenv("ENLACE_TOKEN_FILE", str(file))
    found.append(token_from(None, None))
    headers = [token.header()[1].decode() for token in found if token is not None]

    assert headers == ["Bearer of-argument", "Bearer of-file", "Bearer of-variable", "Bearer of-file"]


def test_a_token_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidCall, match="nothing-here") as raised:
        token_from(None, tmp_path / "nothing-here")

    assert (raised.value.code, raised.value.path) == ("token_unreadable", "token_file")


def test_the_gateway_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidCall, match="no gateway was named") as raised:
        Client()
    assert raised.value.code == "gateway_missing"

    monkeypatch.setenv("ENLACE_GATEWAY", HTTPS)
    assert HTTPS in repr(Client())


@pytest.mark.parametrize("argument", ["ca_file", "certificate_file"])
def test_a_file_for_tls_that_is_unusable_is_named(argument: str, tmp_path: Path) -> None:
    file = tmp_path / "file.pem"
    file.write_text("nothing")

    with pytest.raises(ClientError, match=r"file\.pem") as raised:
        Client(HTTPS, **{argument: file})  # type: ignore[arg-type]

    assert (raised.value.code, raised.value.path) == ("tls_invalid", argument)
