"""Which targets a webhook may have, also when a name changes its address."""

import asyncio
import ssl
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from node.errors import UsageError
from node.notifications import target_connection
from node.notifications.post_delivery import post
from node.notifications.retry_rule import (
    ATTEMPTS_MAX,
    DELIVERY_AGE_MS_MAX,
    FIRST_PAUSE_MS,
    PAUSE_MS_MAX,
    Answer,
    next_attempt_at,
    pause_ms,
    retry_after_ms,
)
from node.notifications.target_connection import TargetForbiddenError, checked_addresses, pool
from node.notifications.targets import TargetRules, refusal, target_of
from tests.support.certificates import Authority, pem
from tests.support.targets import called_system

STRICT, PRIVATE = TargetRules(), TargetRules(allow_private=True)
PLAIN = TargetRules(allow_private=True, allow_plaintext=True)
INVALID = (
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0177.0.0.1/",
    "https://127.1/",
    "https://127.0.0.1./",
    "https://1.2.3.4.5/",
    "https://0x7f.0.0.1/",
    "https://example.org./",
    "https://user@example.org/",
    "https://user:secret@example.org/",
    "https://example.org:0/",
    "https://example.org:65536/",
    "https://example.org:http/",
    "https://example.org/#part",
    "https:///path",
    "https://",
    "https://[::1",
    "https://[1.2.3.4]/",
    "https://[fe80::1%eth0]/",
    "https://-a.example.org/",
    "https://a..example.org/",
    "https://exa mple.org/",
    "https://example.org\\@127.0.0.1/",
    "https://ex\tample.org/",
    "https://example.org/\r\nX: y",
    "https://\uff11\uff12\uff17.0.0.1/",
    "https://bücher.example/",
    "https://\u24dbocalhost/",
    "ftp://example.org/",
    "file:///etc/passwd",
    "gopher://127.0.0.1/",
    "//example.org/",
    "example.org",
    "",
    "https://" + "a" * 2_100 + ".org/",
    "https://" + "a" * 64 + ".org/",
)
FORBIDDEN = (
    "https://127.0.0.1/",
    "https://127.255.255.254/",
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://100.64.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://0.0.0.0/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
    "https://198.18.0.1/",
    "https://192.0.2.1/",
    "https://[::1]/",
    "https://[::]/",
    "https://[fe80::1]/",
    "https://[fc00::1]/",
    "https://[ff02::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:a9fe:a9fe]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:7f00:1::]/",
    "https://[::7f00:1]/",
    "https://[fec0::1]/",
    "https://[fd00:ec2::254]/",
    "http://example.org/",
)
ALWAYS_FORBIDDEN = (
    "169.254.169.254",
    "100.100.100.200",
    "fd00:ec2::254",
    "0.0.0.0",
    "224.0.0.1",
    "240.0.0.1",
    "::",
    "fe80::1",
    "ff02::1",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::",
)


@pytest.mark.parametrize("url", INVALID)
def test_a_url_in_another_form_is_refused(url: str) -> None:
    """Programs read such a URL differently, so no check of it is certain."""
    with pytest.raises(UsageError) as refused:
        target_of(url, PLAIN)
    assert (refused.value.code, refused.value.path) == ("webhook_url_invalid", "url")
    assert "secret" not in refused.value.message


@pytest.mark.parametrize("url", FORBIDDEN)
def test_a_target_that_is_not_public_is_refused(url: str) -> None:
    with pytest.raises(UsageError) as refused:
        target_of(url, STRICT)
    assert (refused.value.code, refused.value.path) == ("webhook_target_forbidden", "url")


@pytest.mark.parametrize("address", ALWAYS_FORBIDDEN)
def test_metadata_and_link_local_addresses_are_never_allowed(address: str) -> None:
    assert refusal(ip_address(address), "https", PLAIN) is not None


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.0.1", "100.64.0.1", "::1", "fd12::1"]
)
def test_private_addresses_are_allowed_by_configuration(address: str) -> None:
    assert refusal(ip_address(address), "https", STRICT) is not None
    assert refusal(ip_address(address), "https", PRIVATE) is None


def test_plain_http_is_allowed_to_loopback_or_by_a_key_of_its_own() -> None:
    loopback, other = ip_address("127.0.0.1"), ip_address("10.0.0.1")

    assert refusal(loopback, "http", PRIVATE) is None
    assert refusal(other, "http", PRIVATE) is not None
    assert refusal(other, "http", PLAIN) is None


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "authority"),
    [
        ("https://Example.ORG", "example.org", 443, "/", "example.org"),
        ("https://example.org?a=b", "example.org", 443, "/?a=b", "example.org"),
        ("HTTPS://example.org:8443/in", "example.org", 8443, "/in", "example.org:8443"),
        ("https://xn--bcher-kva.example/%C3%BC", "xn--bcher-kva.example", 443, "/%C3%BC", "xn--bcher-kva.example"),
        ("https://8.8.8.8/", "8.8.8.8", 443, "/", "8.8.8.8"),
        ("https://[2606:4700::1111]:444/", "2606:4700::1111", 444, "/", "[2606:4700::1111]:444"),
    ],
)
def test_a_public_target_is_taken_apart(url: str, host: str, port: int, path: str, authority: str) -> None:
    target = target_of(url, STRICT)

    assert (target.host, target.port, target.path, target.authority) == (host, port, path, authority)


async def test_every_address_of_a_name_must_be_allowed() -> None:
    found = [ip_address("8.8.8.8"), ip_address("127.0.0.1")]
    with patch.object(target_connection, "resolve", return_value=found), pytest.raises(TargetForbiddenError):
        await checked_addresses("mixed.example", 443, "https", STRICT)


async def test_a_name_that_has_another_address_at_the_connection_reaches_nothing() -> None:
    """DNS rebinding: the name was public when the webhook was made, and is loopback now."""
    async with called_system() as system:
        target = target_of(f"https://rebound.example:{system.port}/", STRICT)
        with patch.object(target_connection, "resolve", return_value=[ip_address("127.0.0.1")]):
            answer = await _posted(target, STRICT, ssl.create_default_context())

    assert (answer.error, answer.is_final, system.calls) == ("target_forbidden", True, [])


async def test_the_name_localhost_is_loopback() -> None:
    with pytest.raises(TargetForbiddenError):
        await checked_addresses("localhost", 443, "https", STRICT)


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with called_system() as system:
        answer = await _posted(target_of(system.url, PRIVATE), PRIVATE, ssl.create_default_context())

    assert (answer.status, len(system.calls)) == (200, 1)


async def test_the_certificate_must_be_for_the_name_of_the_url(tmp_path: Path) -> None:
    """A trusted certificate for another name is refused, and nothing is sent."""
    authority = Authority("webhooks")
    authority.issue(tmp_path, "cases")  # for 127.0.0.1
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "cases.pem", tmp_path / "cases.key")
    trusting = ssl.create_default_context(cadata=pem(authority.certificate))
    async with called_system(tls=server) as system:
        with patch.object(target_connection, "resolve", return_value=[ip_address("127.0.0.1")]):
            urls = [f"https://{host}:{system.port}/" for host in ("127.0.0.1", "other.example")]
            answers = [await _posted(target_of(url, PRIVATE), PRIVATE, trusting) for url in urls]
            untrusted = await _posted(
                target_of(f"https://127.0.0.1:{system.port}/", PRIVATE), PRIVATE, ssl.create_default_context()
            )

    assert [answer.error for answer in answers] == [None, "tls_failed"]
    assert (untrusted.error, len(system.calls)) == ("tls_failed", 1)


async def _posted(target: Any, rules: TargetRules, tls: ssl.SSLContext) -> Answer:
    connections = pool(target.scheme, rules, tls)
    try:
        async with asyncio.timeout(20):
            headers = [("Host", target.authority), ("Content-Length", "2")]
            return await post(connections, target, b"{}", headers)
    finally:
        await connections.aclose()


def failed_at(attempts: int, **changes: Any) -> int | None:
    return next_attempt_at(Answer(status=500, error="x", **changes), attempts=attempts, created_at=0, now=0, share=0.0)


def test_the_pause_doubles_up_to_its_limit_and_is_at_most_halved_by_chance() -> None:
    assert [pause_ms(attempts, 0.0) for attempts in (1, 2, 3)] == [
        FIRST_PAUSE_MS,
        2 * FIRST_PAUSE_MS,
        4 * FIRST_PAUSE_MS,
    ]
    assert pause_ms(1_000, 0.0) == PAUSE_MS_MAX
    assert pause_ms(3, 0.999999) > 2 * FIRST_PAUSE_MS - 10


def test_a_delivery_is_given_up_after_its_attempts_or_its_age_or_for_good() -> None:
    late = next_attempt_at(Answer(status=500, error="x"), attempts=1, created_at=0, now=DELIVERY_AGE_MS_MAX, share=0.0)

    assert failed_at(ATTEMPTS_MAX - 1) is not None
    assert failed_at(ATTEMPTS_MAX) is None
    assert failed_at(1, is_final=True) is None
    assert next_attempt_at(Answer(status=410, error="x"), attempts=1, created_at=0, now=0, share=0.0) is None
    assert late is None


def test_a_target_may_ask_for_a_longer_pause_up_to_the_limit() -> None:
    assert failed_at(1, retry_after_ms=60_000) == 60_000
    assert failed_at(1, retry_after_ms=10**9) == PAUSE_MS_MAX
    assert [retry_after_ms(text) for text in ("7", "-7", "x", "", None, "9" * 9, "٣")] == [
        7_000,
        None,
        None,
        None,
        None,
        None,
        None,
    ]


@pytest.mark.parametrize("host", [*ALWAYS_FORBIDDEN, "127.0.0.1", "10.0.0.1", "192.0.2.1"])
def test_the_hint_names_the_configuration_only_where_it_can_allow_the_address(host: str) -> None:
    """docs/notifications.md: link-local addresses and metadata services are never called."""
    url = f"https://[{host}]/" if ":" in host else f"https://{host}/"
    with pytest.raises(UsageError) as refused:
        target_of(url, STRICT)
    try:
        target_of(url, PRIVATE)
    except UsageError:
        is_possible = False
    else:
        is_possible = True

    assert ("the configuration can allow" in str(refused.value.hint)) == is_possible
