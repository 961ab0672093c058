"""Checks the URL of a PostgreSQL store: its parameters, its files, and that a server elsewhere is reached over TLS.

    postgresql+psycopg://USER@HOST:PORT/DATABASE?sslrootcert=ca.pem&passfile=pgpass

The parameters are those of libpq, by its names. Without `sslmode`, a server on another machine must have a certificate
that `sslrootcert` confirms for its name (`verify-full`); a weaker mode needs `store.unsafe_plaintext`.
"""

import ipaddress
import os
from typing import Final

from sqlalchemy.engine import URL

from node.database.backend import StoreOptions
from node.errors import UsageError

VERIFIED: Final = "verify-full"
SYSTEM_AUTHORITIES: Final = "system"
_FILES: Final = ("sslrootcert", "sslcert", "sslkey", "sslcrl", "passfile")
_PARAMETERS: Final = frozenset({"host", "port", "sslmode", "target_session_attrs", "application_name", *_FILES})


def checked(url: URL, options: StoreOptions) -> URL:
    """The URL with absolute names of files, and with the mode of TLS. Raises UsageError."""
    if unknown := sorted(url.query.keys() - _PARAMETERS):
        raise _wrong(f"unknown parameter {unknown[0]}", f"use the parameters {', '.join(sorted(_PARAMETERS))}")
    if not url.database:
        raise _wrong("the name of the database is missing", "add /DATABASE after the host")
    query = dict(url.query) | {name: _file(url, name, options) for name in _FILES if name in url.query}
    if not all(map(_is_local, _hosts(url))):
        query["sslmode"] = _mode(url, options)
        if query["sslmode"] == VERIFIED and "sslrootcert" not in query:
            raise UsageError(
                "tls_incomplete",
                "the parameter sslrootcert of the store's URL is not set",
                path="store.url",
                hint="name the PEM file of the authority that signed the server's certificate, or `system`",
            )
    return url.set(drivername="postgresql+psycopg", query=query)


def _mode(url: URL, options: StoreOptions) -> str:
    mode = url.query.get("sslmode", "disable" if options.unsafe_plaintext else VERIFIED)
    if not isinstance(mode, str):
        raise _wrong("sslmode is given twice", "give it once")
    if mode != VERIFIED and not options.unsafe_plaintext:
        raise UsageError(
            "store_unprotected",
            f"the store is on another machine, and sslmode={mode} does not verify its server",
            path="store.url",
            hint=f"use sslmode={VERIFIED} with sslrootcert, or a server on this machine",
        )
    return mode


def _hosts(url: URL) -> list[str]:
    """Every host to which the URL may lead; without one, libpq takes PGHOST or the socket of this machine."""
    named = url.query.get("host", ())
    listed = [named] if isinstance(named, str) else list(named)
    hosts = [part for host in ([url.host] if url.host else []) + listed for part in host.split(",")]
    return [_without_port(host) for host in hosts] or os.environ.get("PGHOST", "").split(",")


def _without_port(host: str) -> str:
    """`host:port` of a list of several servers; an IPv6 address has several colons."""
    return host.partition(":")[0] if host.count(":") == 1 else host


def _is_local(host: str) -> bool:
    """Whether connections to it stay on this machine: a Unix socket, or loopback."""
    if host in ("", "localhost") or host.startswith(("/", "@")):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _file(url: URL, name: str, options: StoreOptions) -> str:
    value = url.query[name]
    if not isinstance(value, str):
        raise _wrong(f"{name} is given twice", "give it once")
    if name == "sslrootcert" and value == SYSTEM_AUTHORITIES:
        return value
    path = (options.folder / value).absolute()
    if not path.is_file() or not os.access(path, os.R_OK):
        raise UsageError("file_unreadable", f"{path} cannot be read", path="store.url", hint=f"{name} names this file")
    return str(path)


def _wrong(reason: str, hint: str) -> UsageError:
    return UsageError("store_url_invalid", f"the URL of the store is wrong: {reason}", path="store.url", hint=hint)
