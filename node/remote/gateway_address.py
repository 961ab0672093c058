"""The gateway that a command uses, as its options name it. It imports nothing, so that a command starts quickly."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayAddress:
    """Where the gateway is, and the files for it; the environment names those that are None."""

    gateway: str
    """`https://HOST:PORT`, `http://127.0.0.1:PORT` or `unix:PATH`."""

    token_file: Path | None = None
    ca_file: Path | None = None
