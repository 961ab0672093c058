"""Where a gateway is: https, http on loopback, or a socket of this machine. Pure.

`https://HOST[:PORT]`, `http://127.0.0.1[:PORT]` or `unix:PATH`. A token never travels unencrypted to another machine:
http to another host is refused.
"""

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from enlace.errors import InvalidCall
from schemas.excerpts import excerpt

UNIX: Final = "unix:"
FORMS: Final = "https://HOST:PORT, http://127.0.0.1:PORT or unix:PATH"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """The address of a gateway."""

    url: str
    """Scheme, host and port, without a slash at the end; for a socket a name that only fills the header Host."""

    socket: str | None = None
    """Path of the socket on this machine."""

    @property
    def is_encrypted(self) -> bool:
        """Whether TLS protects the connection."""
        return self.url.startswith("https:")

    def __str__(self) -> str:
        """As the user wrote it."""
        return self.url if self.socket is None else f"{UNIX}{self.socket}"


def address_of(text: str) -> Address:
    """The address that a text names. Raises InvalidCall."""
    if text.startswith(UNIX):
        path = text.removeprefix(UNIX).removeprefix("//")
        if not path or "\0" in path:
            raise _invalid(text)
        return Address(url="http://localhost", socket=str(Path(path).absolute()))
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _invalid(text) from None
    if parts.scheme not in ("http", "https") or not host or parts.path.strip("/") or parts.query or parts.fragment:
        raise _invalid(text)
    if parts.username is not None or parts.password is not None:
        message = "the address contains a user or a password; a gateway knows neither"
        raise InvalidCall("address_invalid", message, path="gateway", hint="give the token as an argument or a file")
    if parts.scheme == "http" and not is_loopback(host):
        message = f"http to {excerpt(host)} would send the token unencrypted"
        raise InvalidCall("address_unprotected", message, path="gateway", hint="use https")
    shown = f"[{host}]" if ":" in host else host
    return Address(url=f"{parts.scheme}://{shown}" + (f":{port}" if port is not None else ""))


def is_loopback(host: str) -> bool:
    """Whether connections to a host stay on this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _invalid(text: str) -> InvalidCall:
    shown = excerpt(text) if "@" not in text else "the address"
    return InvalidCall("address_invalid", f"{shown} is not the address of a gateway", path="gateway", hint=FORMS)
