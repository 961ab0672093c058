"""A local cluster that ends with this process: for tests and the demonstration.

    with running(folder, brokers=3) as cluster:
        ... cluster.url, cluster.kill(2), cluster.start(2), cluster.stop_all(), cluster.start_all()

Rules. Each broker has a guard that holds the read end of one pipe; the write end is ours alone and closed in every
program that this process starts, so brokers end with us even after kill -9. (A child made by a bare fork keeps the
write end: do not fork while a cluster runs.) Ports and data are those of the folder and stay. Every call blocks, with
a bound, and may come from any thread, one at a time.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from broker.bus import KAFKA
from broker.local import layout as layouts
from broker.local.artifacts import Artifacts, artifacts
from broker.local.errors import LocalUnavailable
from broker.local.filelock import locked
from broker.local.launch import Extra, await_ready, launch, nothing_else, prepare
from broker.local.layout import LOCK_FILE, Layout, Place
from broker.local.process import KILL_SECONDS_MAX, end, kill, pid_of

Guard = subprocess.Popen[str]
END_HINT: Final = "`enlace broker local stop --dir DIR` ends a detached one; another program's ends with that"


@contextmanager
def running(folder: Path, *, brokers: int = 1, extra: Extra = nothing_else) -> Iterator["Cluster"]:
    """All brokers of the cluster in `folder` (made if it is not there), ready; ended with the block.

    `extra` are settings that stand before ours, for who has to look at a cluster of somebody else's configuration.

    Raises LocalUsage when Java or Maven is missing, LocalUnavailable when they do not get ready or run already.
    """
    found = artifacts()
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / LOCK_FILE, wait=False) as mine:
        layout = layouts.make(folder, brokers) if mine else None
        if layout is None or any(pid_of(place) is not None for place in layout.places):
            raise LocalUnavailable("broker_folder_busy", f"a cluster runs in {folder}", hint=END_HINT)
        cluster = Cluster(found, layout, extra)
        try:
            cluster.start_all()
            yield cluster
        finally:
            cluster.close()


class Cluster:
    """The brokers of one folder, numbered from 1. Made by `running`."""

    def __init__(self, found: Artifacts, layout: Layout, extra: Extra) -> None:
        self._artifacts = found
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
        found = {place.number: pid_of(place) for place in self._layout.places}
        return {number: pid for number, pid in found.items() if pid is not None}

    def port(self, number: int) -> int:
        """Where broker `number` listens."""
        return self._layout.place(number).port

    def log(self, number: int) -> str:
        """What broker `number` has said so far."""
        return self._layout.place(number).log.read_text("utf-8", "replace")

    def start(self, number: int) -> None:
        """Start one broker on its old port and data; returns when all that run list each other."""
        self._start([self._layout.place(number)])

    def start_all(self) -> None:
        """Start every broker that does not run."""
        self._start(self._layout.places)

    def stop(self, number: int) -> None:
        """SIGTERM, and wait for its end; one that does not run stays so."""
        place = self._layout.place(number)
        end([place])
        self._forget(place)

    def stop_all(self) -> None:
        """SIGTERM to all at once, and wait."""
        end(self._layout.places)
        for place in self._layout.places:
            self._forget(place)

    def kill(self, number: int) -> None:
        """kill -9."""
        place = self._layout.place(number)
        kill([place])
        self._forget(place)

    def close(self) -> None:
        """End all for good, by kill -9: three that stop in order wait five seconds for each other's votes.

        What was acknowledged is in the system's hands, so the data of the folder is whole. A second call does nothing.
        """
        if self._write_end < 0:
            return
        try:
            kill(self._layout.places)
            for place in self._layout.places:
                self._forget(place)
        finally:
            os.close(self._write_end)  # whatever happened above, the guards end what is left
            os.close(self._read_end)
            self._write_end = self._read_end = -1

    def _start(self, places: "tuple[Place, ...] | list[Place]") -> None:
        starting = [place for place in places if pid_of(place) is None]
        for place in starting:
            self._forget(place)
        prepare(self._artifacts, self._layout, starting, self._extra)
        for place in starting:
            guard = launch(self._artifacts, place, self._read_end)
            if guard is not None:
                self._guards[place.number] = guard
        await_ready([place for place in self._layout.places if pid_of(place) is not None or place in starting])

    def _forget(self, place: Place) -> None:
        """Take the exit code of a guard, which ends with its broker."""
        guard = self._guards.pop(place.number, None)
        if guard is not None:
            guard.wait(KILL_SECONDS_MAX)
