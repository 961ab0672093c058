"""The brokers of one folder, which end with this process, however that ends.

Rules. Each broker has a guard that holds the read end of one pipe; the write end is ours alone and closed in every
program that this process starts, so brokers end with us even after kill -9. (A child made by a bare fork keeps the
write end: do not fork while a cluster runs.) Ports and data are those of the folder and stay. Every call blocks, with
a bound, and may come from any thread, one at a time.
"""

import os
import subprocess
from pathlib import Path

from broker.bus import KAFKA
from broker.local.artifacts import Artifacts
from broker.local.launch import Extra, await_ready, launch, nothing_else, prepare
from broker.local.layout import BrokerLayout, ClusterLayout
from broker.local.process import KILL_SECONDS_MAX, end, kill, pid_of

Guard = subprocess.Popen[str]


class Cluster:
    """The brokers of one folder, numbered from 1; `close` when done."""

    def __init__(self, artifacts: Artifacts, layout: ClusterLayout, extra: Extra = nothing_else) -> None:
        self._artifacts = artifacts
        self._extra = extra
        self._layout = layout
        self._guards: dict[int, Guard] = {}
        self._read_end, self._write_end = os.pipe()  # neither is inherited, unless it is named

    @property
    def folder(self) -> Path:
        """Where everything of this cluster lies."""
        return self._layout.folder

    @property
    def bootstrap(self) -> str:
        """`127.0.0.1:PORT,…`, whether they run or not."""
        return self._layout.bootstrap

    @property
    def url(self) -> str:
        """As a node's `bus.url`."""
        return f"{KAFKA}{self.bootstrap}"

    @property
    def pids(self) -> dict[int, int]:
        """Number to process of the brokers that run."""
        found = {broker.number: pid_of(broker) for broker in self._layout.brokers}
        return {number: pid for number, pid in found.items() if pid is not None}

    def port(self, number: int) -> int:
        """Where broker `number` listens."""
        return self._layout.broker(number).port

    def log(self, number: int) -> str:
        """What broker `number` has said so far."""
        return self._layout.broker(number).log.read_text("utf-8", "replace")

    def start(self, number: int) -> None:
        """Start one broker on its old port and data; returns when all that run list each other."""
        self._start([self._layout.broker(number)])

    def start_all(self) -> None:
        """Start every broker that does not run."""
        self._start(self._layout.brokers)

    def stop(self, number: int) -> None:
        """SIGTERM, and wait for its end; one that does not run stays so."""
        broker = self._layout.broker(number)
        end([broker])
        self._forget(broker)

    def stop_all(self) -> None:
        """SIGTERM to all at once, and wait."""
        end(self._layout.brokers)
        for broker in self._layout.brokers:
            self._forget(broker)

    def kill(self, number: int) -> None:
        """kill -9."""
        broker = self._layout.broker(number)
        kill([broker])
        self._forget(broker)

    def close(self) -> None:
        """End all for good, by kill -9: three that stop in order wait five seconds for each other's votes.

        What was acknowledged is in the system's hands, so the data of the folder is whole. A second call does nothing.
        """
        if self._write_end < 0:
            return
        try:
            kill(self._layout.brokers)
            for broker in self._layout.brokers:
                self._forget(broker)
        finally:
            os.close(self._write_end)  # whatever happened above, the guards end what is left
            os.close(self._read_end)
            self._write_end = self._read_end = -1

    def _start(self, brokers: "tuple[BrokerLayout, ...] | list[BrokerLayout]") -> None:
        starting = [broker for broker in brokers if pid_of(broker) is None]
        for broker in starting:
            self._forget(broker)
        prepare(self._artifacts, self._layout, starting, self._extra)
        for broker in starting:
            guard = launch(self._artifacts, broker, self._read_end)
            if guard is not None:
                self._guards[broker.number] = guard
        await_ready([broker for broker in self._layout.brokers if pid_of(broker) is not None or broker in starting])

    def _forget(self, broker: BrokerLayout) -> None:
        """Take the exit code of a guard, which ends with its broker."""
        guard = self._guards.pop(broker.number, None)
        if guard is not None:
            guard.wait(KILL_SECONDS_MAX)
