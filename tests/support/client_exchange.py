"""A real exchange with real gateways: BZ and GT with daemons, and gateways that can be killed."""

import json
import os
import select
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.exchange import report
from tests.support.processes import ENLACE, READY_SECONDS_MAX, agreement, lab, ok, running, until

LOCAL = "127.0.0.1:0"


def with_gateway(home: Path, **settings: str) -> None:
    """Add the section [gateway] to a home."""
    lines = [f'{name} = "{value}"' for name, value in {"listen": LOCAL, **settings}.items()]
    with (home / "node.toml").open("a") as file:
        file.write("\n[gateway]\n" + "\n".join(lines) + "\n")


def token_of(home: Path, *scopes: str) -> str:
    """A new token with these scopes."""
    [made] = ok("token", "create", "--name", "case-system", "--scope", ",".join(scopes), home=home)
    token: str = made["token"]
    return token


def another_report(text: str) -> dict[str, Any]:
    """A valid report of its own."""
    return report(narrative={"text": text, "language": "en"})


class Gateway:
    """A process that runs `enlace gateway run`; it can be killed and started again on the same address.

    Beside a daemon that serves the gateway of the home too, it has an address and a socket of its own.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.address = LOCAL
        self._start()

    def _start(self) -> None:
        command = [str(ENLACE), "gateway", "run", "--home", str(self.home), "--json"]
        listen = self.address.rpartition("/")[2]
        own = {"ENLACE_GATEWAY__LISTEN": listen, "ENLACE_GATEWAY__SOCKET": str(self.home / "own.sock")}
        log = (self.home / "gateway.log").open("a")
        with log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env={**os.environ, **own})
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], READY_SECONDS_MAX)
        line = self.process.stdout.readline() if readable else b""
        assert line, (self.home / "gateway.log").read_text()
        self.address = next(name for name in json.loads(line)["listen"] if name.startswith("http"))

    def restart(self) -> None:
        """Kill it with SIGKILL, and start another one on the same port."""
        self.kill()
        self._start()

    def kill(self) -> None:
        """Send SIGKILL, and wait for the end."""
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextmanager
def gateway(home: Path) -> Iterator[Gateway]:
    """A gateway as a process of its own."""
    made = Gateway(home)
    try:
        yield made
    finally:
        made.kill()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientExchange:
    """BZ and GT with daemons that serve gateways."""

    homes: dict[str, Path]
    addresses: dict[str, str]
    tokens: dict[str, str] = field(repr=False)

    def environment(self, code: str, folder: Path) -> dict[str, str]:
        """What a program of an integrator needs; the token is in a file."""
        file = folder / f"token-{code}"
        file.write_text(self.tokens[code] + "\n")
        return {"ENLACE_GATEWAY": self.addresses[code], "ENLACE_TOKEN_FILE": str(file)}


@contextmanager
def client_exchange(folder: Path, codes: Sequence[str] = ("BZ", "GT")) -> Iterator[ClientExchange]:
    """The exchange, ready."""
    homes = lab(folder, list(codes), agreement("BZ-GT", ["BZ", "GT"]))
    for home in homes.values():
        with_gateway(home, socket=str(folder / f"{home.name}.sock"))
    tokens = {code: token_of(home, "publish", "read", "check", "audit") for code, home in homes.items()}
    with running(*homes.values()) as daemons:
        addresses = {code: _address(daemon.log) for code, daemon in zip(homes, daemons, strict=True)}
        yield ClientExchange(homes=homes, addresses=addresses, tokens=tokens)


def _address(log: Path) -> str:
    """Where the gateway of a daemon listens, from its log."""
    found: list[str] = []

    def look() -> bool:
        for line in log.read_text().splitlines():
            if "gateway_started" in line and line.startswith("{"):
                found.extend(name for name in json.loads(line)["listen"] if name.startswith("http"))
        return bool(found)

    until(look)
    return found[0]


def as_nobody(*command: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command as a user who owns no home; needs root."""
    return subprocess.run(
        ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", *command],
        env={"PATH": os.environ["PATH"], "HOME": "/", **env},
        capture_output=True,
        text=True,
        check=False,
    )
