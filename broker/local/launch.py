"""Starts brokers: formats their storage, starts a guard process for each, and waits until all are ready.

Rules. The brokers are ready when each lists all of them in its answer about metadata; an open port is not enough. A
broker that ends before it is ready, or is not ready in time, is an error with the last lines of its log.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from broker.local.artifacts import Artifacts
from broker.local.errors import LocalUnavailable
from broker.local.layout import HOST, BrokerLayout, ClusterLayout
from broker.local.probe import known_brokers
from broker.local.process import pid_of
from broker.local.properties import format_command, properties_of, run_command, text_of
from broker.local.tls import BROKER, context

READY_SECONDS_MAX: Final = 60.0  # three need four seconds on an idle machine
FORMAT_SECONDS_MAX: Final = 60.0
LAUNCH_SECONDS_MAX: Final = 30.0
POLL_SECONDS: Final = 0.05
LOG_LINES_MAX: Final = 15
LOG_SIZE_BYTES_MAX: Final = 8 * 1024
META_FILE: Final = "meta.properties"  # Kafka writes it last when it formats

Extra = Callable[[BrokerLayout], Mapping[str, str]]
"""Gives the settings of a broker that replace ours."""

Probe = Callable[[str, int], frozenset[int]]


def nothing_else(_: BrokerLayout) -> Mapping[str, str]:
    """No other settings."""
    return {}


def prepare(
    artifacts: Artifacts, layout: ClusterLayout, brokers: Sequence[BrokerLayout], extra: Extra = nothing_else
) -> None:
    """Write the configuration of `brokers`, and format all storage that is not formatted yet, at the same time."""
    formatting: list[tuple[BrokerLayout, subprocess.Popen[str]]] = []
    for broker in brokers:
        broker.folder.mkdir(parents=True, exist_ok=True)
        broker.properties.write_text(text_of({**properties_of(layout, broker), **extra(broker)}))
        if (broker.data / META_FILE).is_file():
            continue
        shutil.rmtree(broker.data, ignore_errors=True)  # an interrupted formatting; it contains no record
        started = subprocess.Popen(  # noqa: S603  # the user's own Java
            format_command(artifacts, layout, broker),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        formatting.append((broker, started))
    for broker, started in formatting:
        output = _output(started)
        if started.returncode:
            message = f"the storage of broker {broker.number} could not be formatted: {_end_of_text(output)}"
            raise LocalUnavailable("broker_not_ready", message, hint=f"look into {broker.folder}")


def _output(process: subprocess.Popen[str]) -> str:
    try:
        output, _ = process.communicate(timeout=FORMAT_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        output, _ = process.communicate()
    return output


def launch(artifacts: Artifacts, broker: BrokerLayout, lifeline: int | None) -> "subprocess.Popen[str] | None":
    """Start one broker. With `lifeline`, the read end of a pipe, its guard ends it when the write end closes.

    Returns the guard, or None without `lifeline`: that broker continues by itself.
    """
    detached = [] if lifeline is not None else ["--detached"]
    guard = subprocess.Popen(  # noqa: S603  # our own program
        [
            sys.executable,
            "-m",
            "broker.local.guard_process",
            *detached,
            str(broker.log),
            *run_command(artifacts, broker),
        ],
        stdin=subprocess.DEVNULL if lifeline is None else lifeline,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C goes to the parent, which ends the broker
    )
    assert guard.stdout is not None  # noqa: S101  # it is a pipe
    with guard.stdout as answer:
        broker.pid.write_text(answer.readline())
    if lifeline is not None:
        return guard
    guard.wait(LAUNCH_SECONDS_MAX)
    return None


def await_ready(
    brokers: Sequence[BrokerLayout], *, probe: Probe | None = None, seconds: float = READY_SECONDS_MAX
) -> None:
    """Wait until each of `brokers` lists all of them; `brokers` must be all that run."""
    folder = brokers[0].tls if brokers else None
    probe = probe or partial(known_brokers, tls=context(folder, BROKER) if folder else None)
    wanted = {broker.number for broker in brokers}
    deadline = time.monotonic() + seconds
    waiting = list(brokers)
    while waiting:
        dead = next((broker for broker in waiting if pid_of(broker) is None), None)
        if dead is not None:
            raise _not_ready(dead, "ended before it was ready")
        waiting = [broker for broker in waiting if not wanted <= probe(HOST, broker.port)]
        if waiting and time.monotonic() >= deadline:
            raise _not_ready(waiting[0], f"was not ready within {seconds:g} s")
        if waiting:
            time.sleep(POLL_SECONDS)


def _not_ready(broker: BrokerLayout, what: str) -> LocalUnavailable:
    message = f"broker {broker.number} {what}; the end of its log: {_end_of_log(broker.log)}"
    return LocalUnavailable("broker_not_ready", message, hint=f"the whole log is {broker.log}")


def _end_of_log(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - LOG_SIZE_BYTES_MAX))
            return _end_of_text(file.read().decode("utf-8", "replace"))
    except FileNotFoundError:
        return "(empty)"


def _end_of_text(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-LOG_LINES_MAX:]) or "(empty)"
