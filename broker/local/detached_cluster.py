"""A local cluster that goes on by itself until it is stopped: `enlace broker local start|stop`.

Rules. `start` on a folder whose brokers run starts those that are missing and answers like the first time; `stop` works
twice. Ports and data stay in the folder for the next start. A cluster whose parent holds the folder is left to it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from broker.local import layout as layouts
from broker.local.artifacts import find_artifacts
from broker.local.class_archive import with_class_archive
from broker.local.errors import LocalUnavailable, LocalUsage
from broker.local.filelock import locked
from broker.local.launch import await_ready, launch, prepare
from broker.local.layout import LOCK_FILE, ClusterLayout
from broker.local.process import end, pid_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was started or stopped."""

    bootstrap: str
    pids: tuple[int, ...]

    def result(self) -> dict[str, object]:
        """As the contract has it."""
        return {"bootstrap": self.bootstrap, "pids": list(self.pids)}


def start(folder: Path, *, brokers: int | None = None) -> Answer:
    """Start what does not run, and wait until all answer; `brokers` is that of the folder, or 1, if not given.

    Raises LocalUsage when something is missing or the folder holds another number of brokers, LocalUnavailable.
    """
    artifacts = with_class_archive(find_artifacts())
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"{folder}: {error.strerror}"
        raise LocalUsage("broker_folder_invalid", message, hint="name another folder with --dir") from None
    with _alone(folder):
        layout = layouts.make(folder, brokers)
        starting = [broker for broker in layout.brokers if pid_of(broker) is None]
        try:
            prepare(artifacts, layout, starting)
            for broker in starting:
                launch(artifacts, broker, None)
            await_ready(layout.brokers)
        except BaseException:
            end(starting)  # half a cluster serves nobody
            raise
        return Answer(bootstrap=layout.bootstrap, pids=_pids(layout))


def stop(folder: Path, *, brokers: int | None = None) -> Answer:
    """End all brokers of the folder and wait for it; the processes that were ended, none the second time."""
    layout = layouts.read(folder, brokers)
    with _alone(folder):
        pids = _pids(layout)
        end(layout.brokers)
    return Answer(bootstrap=layout.bootstrap, pids=pids)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with locked(folder / LOCK_FILE, wait=False) as mine:
        if not mine:
            message = f"another program starts or stops the cluster in {folder}, or runs it"
            raise LocalUnavailable("broker_folder_busy", message, hint="its brokers end with that program")
        yield


def _pids(layout: ClusterLayout) -> tuple[int, ...]:
    return tuple(pid for broker in layout.brokers if (pid := pid_of(broker)) is not None)
