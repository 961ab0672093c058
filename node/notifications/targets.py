"""Which URLs and addresses a webhook may have. Pure: names are resolved elsewhere (target_connection.py).

Rules:

- A URL is `https://HOST[:PORT][/PATH][?QUERY]` in ASCII, without a user and without a fragment.
- A host is a domain name, an IPv4 address in its usual form, or an IPv6 address in brackets. Other spellings of an
  address (one number, octal or hexadecimal parts, a dot at the end) are refused: programs read them differently.
- An address must be a public one. With `allow_private`, loopback, private and shared addresses are allowed too.
- Never allowed: link-local addresses, those of the metadata services of clouds, multicast, unspecified and reserved
  ones. An IPv4 address inside an IPv6 address counts as that IPv4 address.
- `http` is allowed to loopback addresses if these are allowed, and elsewhere only with `allow_plaintext`.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from node.errors import UsageError

URL_LENGTH_MAX: Final = 2_048  # characters
HOST_LENGTH_MAX: Final = 253  # of a domain name
PORT_MAX: Final = 65_535
DEFAULT_PORTS: Final = {"https": 443, "http": 80}

Address = IPv4Address | IPv6Address

_URL: Final = re.compile(r"(?P<scheme>https?)://(?P<place>[^/?#]*)(?P<path>(?:/[^?#]*)?(?:\?[^#]*)?)", re.IGNORECASE)
_PLACE: Final = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]*\]|[^\[\]:@]*)(?::(?P<port>[0-9]{1,5}))?")
_LABEL: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_NUMBER: Final = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_METADATA: Final = frozenset(
    ip_address(text) for text in ("169.254.169.254", "100.100.100.200", "192.0.0.192", "fd00:ec2::254", "168.63.129.16")
)
_SHARED: Final = IPv4Network("100.64.0.0/10")
_PRIVATE: Final[tuple[IPv4Network | IPv6Network, ...]] = (
    *(IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8")),
    _SHARED,
    IPv6Network("fc00::/7"),
    IPv6Network("::1/128"),
)
_TRANSLATED: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("::ffff:0:0:0/96"))
_TUNNELS: Final = (IPv6Network("2002::/16"), IPv6Network("2001::/32"), IPv6Network("64:ff9b:1::/48"))
_FORM: Final = "write https://HOST/PATH, with a domain name or an address in its usual form"


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetRules:
    """What an operator allows."""

    allow_private: bool = False
    allow_plaintext: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The parts of a URL that passed the rules."""

    url: str
    scheme: str
    host: str
    """Lower case, without brackets."""

    port: int
    path: str
    """With the query."""

    address: Address | None
    """The address, if the host is one."""

    @property
    def authority(self) -> str:
        """Host and port, as the header `Host` has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def target_of(url: str, rules: TargetRules) -> Target:
    """The target of a URL. Raises UsageError `webhook_url_invalid` or `webhook_target_forbidden`."""
    if len(url) > URL_LENGTH_MAX:
        raise _invalid(f"it has {len(url):,} characters; {URL_LENGTH_MAX:,} are allowed")
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        hint = "write a name with other letters as xn--…, and other characters as %XX"
        raise _invalid("it contains characters that a URL must not contain", hint)
    parts = _URL.fullmatch(url)
    if parts is None:
        raise _invalid("it is not a URL that begins with https://, or it has a fragment")
    place = _PLACE.fullmatch(parts["place"])
    if place is None or not place["host"]:
        raise _invalid("its host and port are malformed, or it names a user")
    scheme, host = parts["scheme"].lower(), place["host"].strip("[]").lower()
    port = int(place["port"] or DEFAULT_PORTS[scheme])
    if not 1 <= port <= PORT_MAX:
        raise _invalid(f"{port} is not a port")
    address = _address(host, in_brackets=place["host"].startswith("["))
    if scheme == "http" and not rules.allow_plaintext and not rules.allow_private:
        raise _forbidden("only https is allowed", "write https://")
    if address is not None and (reason := refusal(address, scheme, rules)):
        raise _forbidden(reason, _way_out(address, rules))
    path = parts["path"] if parts["path"].startswith("/") else f"/{parts['path']}"
    return Target(url=url, scheme=scheme, host=host, port=port, path=path, address=address)


def _address(host: str, *, in_brackets: bool) -> Address | None:
    """The address that a host is, or None for a domain name. Raises UsageError."""
    if in_brackets:
        try:
            return IPv6Address(host)
        except ValueError:
            raise _invalid("the address in brackets is not one of IPv6") from None
    labels = host.split(".")
    if _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
        try:
            return IPv4Address(host)
        except ValueError:
            raise _invalid("the host looks like an address and is not one in its usual form") from None
    if len(host) > HOST_LENGTH_MAX or not all(_LABEL.fullmatch(label) for label in labels):
        raise _invalid("the host is not a domain name")
    return None


def refusal(address: Address, scheme: str, rules: TargetRules) -> str | None:
    """Why a connection to `address` is not allowed; None if it is."""
    inner = _inner(address)
    if inner is None or inner in _METADATA or _is_special(inner):
        return f"{address} is a link-local, reserved, multicast or metadata address"
    if _is_private(inner):
        if not rules.allow_private:
            return f"{address} is a loopback or private address"
    elif not inner.is_global:
        return f"{address} is not a public address"
    if scheme == "http" and not rules.allow_plaintext and not inner.is_loopback:
        return f"plain http to {address} is not allowed"
    return None


def _inner(address: Address) -> Address | None:
    """The address that is reached in the end; None for a tunnel, whose end is not known."""
    if isinstance(address, IPv4Address):
        return address
    if address.scope_id is not None or any(address in network for network in _TUNNELS):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if any(address in network for network in _TRANSLATED):
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def _is_special(address: Address) -> bool:
    return (
        address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or (address.is_reserved and not address.is_loopback)
        or (isinstance(address, IPv6Address) and address.is_site_local)
        or (isinstance(address, IPv4Address) and address in IPv4Network("0.0.0.0/8"))
    )


def _is_private(address: Address) -> bool:
    return any(address in network for network in _PRIVATE)


def _invalid(reason: str, hint: str = _FORM) -> UsageError:
    return UsageError("webhook_url_invalid", f"the URL of the webhook cannot be used: {reason}", path="url", hint=hint)


def _way_out(address: Address, rules: TargetRules) -> str:
    """What an administrator can do about an address that is refused."""
    inner = _inner(address)
    if inner is None or inner in _METADATA or _is_special(inner):
        return "name a target with a public address; no configuration allows this one"
    if _is_private(inner) and not rules.allow_private:
        return "name a target with a public address; the configuration can allow private ones"
    return "name a target with a public address, and write https://"


def _forbidden(reason: str, hint: str) -> UsageError:
    return UsageError("webhook_target_forbidden", f"the target is not allowed: {reason}", path="url", hint=hint)
