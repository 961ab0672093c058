"""What a session needs to reach a gateway: address, token, TLS, patience. Reads the environment and files.

TLS verifies the gateway always: with the authorities of this machine, or with those of `ca_file`.
"""

import os
import ssl
from dataclasses import dataclass
from typing import Final

from enlace.addresses import Address, address_of
from enlace.credentials import Token, token_from
from enlace.errors import InvalidCall
from enlace.retries import RetryPolicy

GATEWAY_VARIABLE: Final = "ENLACE_GATEWAY"
CA_VARIABLE: Final = "ENLACE_CA_FILE"
TIMEOUT_SECONDS: Final = 30.0

File = str | os.PathLike[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a session reaches a gateway."""

    address: Address
    token: Token | None
    tls: ssl.SSLContext | None
    """None without TLS."""

    timeout_seconds: float
    """How long the gateway may be silent; a whole answer may take ten times as long."""

    policy: RetryPolicy


def settings_of(
    gateway: str | None,
    *,
    token: str | None,
    token_file: File | None,
    ca_file: File | None,
    certificate_file: File | None,
    key_file: File | None,
    timeout_seconds: float,
    policy: RetryPolicy,
) -> Settings:
    """The settings of these arguments and of the environment. Raises InvalidCall."""
    named = gateway or os.environ.get(GATEWAY_VARIABLE)
    if not named:
        hint = f"give its address, or set {GATEWAY_VARIABLE}"
        raise InvalidCall("gateway_missing", "no gateway was named", path="gateway", hint=hint)
    address = address_of(named)
    authorities = ca_file or os.environ.get(CA_VARIABLE)
    tls = _tls(authorities, certificate_file, key_file) if address.is_encrypted else None
    given = token_from(token, token_file)
    return Settings(address=address, token=given, tls=tls, timeout_seconds=timeout_seconds, policy=policy)


def _tls(ca_file: File | None, certificate_file: File | None, key_file: File | None) -> ssl.SSLContext:
    """The context of TLS. Raises InvalidCall that names the wrong file."""
    try:
        context = ssl.create_default_context(cafile=None if ca_file is None else os.fspath(ca_file))
    except (OSError, ssl.SSLError) as error:
        raise _unusable(ca_file, error, "ca_file") from None
    if certificate_file is None:
        return context
    try:
        context.load_cert_chain(os.fspath(certificate_file), None if key_file is None else os.fspath(key_file))
    except (OSError, ssl.SSLError) as error:
        raise _unusable(certificate_file, error, "certificate_file") from None
    return context


def _unusable(file: File | None, error: OSError, path: str) -> InvalidCall:
    reason = error.strerror or "it is not a PEM file of this kind"
    return InvalidCall("tls_invalid", f"{file}: {reason}", path=path, hint="name a PEM file that this user can read")
