"""The brokers of one folder. They end with this process, even if it is killed.

Rules. Each broker has a guard process with the read end of a pipe. Only this process has the write end. No program that
it starts inherits that end, so the guards notice the end of this process even after kill -9. A child made by a bare
fork keeps the write end: do not fork while a cluster runs. Ports and data stay in the folder. Every call blocks, with a
deadline. Calls may come from any thread, one at a time.
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
        self._read_end, self._write_end = os.pipe()  # a child inherits them only if it is asked to

    @property
    def folder(self) -> Path:
        """The folder with all files of this cluster."""
        return self._layout.folder

    @property
    def bootstrap(self) -> str:
        """`127.0.0.1:PORT,…` of all brokers, whether they run or not."""
        return self._layout.bootstrap

    @property
    def url(self) -> str:
        """The address for a node's `bus.url`."""
        return f"{KAFKA}{self.bootstrap}"

    @property
    def pids(self) -> dict[int, int]:
        """The process ids of the brokers that run, by number."""
        pids = {broker.number: pid_of(broker) for broker in self._layout.brokers}
        return {number: pid for number, pid in pids.items() if pid is not None}

    def port(self, number: int) -> int:
        """The port on which broker `number` listens."""
        return self._layout.broker(number).port

    def log(self, number: int) -> str:
        """The log file of broker `number` so far."""
        return self._layout.broker(number).log.read_text("utf-8", "replace")

    def start(self, number: int) -> None:
        """Start one broker on its port and data. Return when all running brokers list each other."""
        self._start([self._layout.broker(number)])

    def start_all(self) -> None:
        """Start all brokers that do not run."""
        self._start(self._layout.brokers)

    def stop(self, number: int) -> None:
        """Send SIGTERM to one broker and wait for its end. Nothing happens if it does not run."""
        broker = self._layout.broker(number)
        end([broker])
        self._forget(broker)

    def stop_all(self) -> None:
        """Send SIGTERM to all brokers at the same time, and wait for their end."""
        end(self._layout.brokers)
        for broker in self._layout.brokers:
            self._forget(broker)

    def kill(self, number: int) -> None:
        """Kill one broker with SIGKILL."""
        broker = self._layout.broker(number)
        kill([broker])
        self._forget(broker)

    def close(self) -> None:
        """Kill all brokers with SIGKILL. With SIGTERM three brokers wait five seconds for each other's votes.

        The operating system already has all acknowledged data, so the folder stays intact. A second call does nothing.
        """
        if self._write_end < 0:
            return
        try:
            kill(self._layout.brokers)
            for broker in self._layout.brokers:
                self._forget(broker)
        finally:
            os.close(self._write_end)  # after any failure above, the guards now end the remaining brokers
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
        """Wait for the guard, which ends with its broker."""
        guard = self._guards.pop(broker.number, None)
        if guard is not None:
            guard.wait(KILL_SECONDS_MAX)
