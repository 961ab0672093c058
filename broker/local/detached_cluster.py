"""A local cluster that runs until it is stopped: `enlace broker local start` and `stop`.

Rules. `start` starts the brokers of the folder that do not run; its answer is the same whether they ran before or not.
`stop` may be called twice. Ports and data stay in the folder for the next start. A cluster of another program that
holds the folder (`attached_cluster.py`) is not touched.
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
from broker.local.tls import Users


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The brokers that run after `start`, or that `stop` has ended."""

    bootstrap: str
    pids: tuple[int, ...]
    certificates: Path | None
    """The folder of the certificates; None without TLS."""

    def result(self) -> dict[str, object]:
        """The answer of the command, as in docs/contract.md."""
        certificates = str(self.certificates) if self.certificates else None
        return {"bootstrap": self.bootstrap, "pids": list(self.pids), "certificates": certificates}


def start(folder: Path, *, brokers: int | None = None, users: Users | None = None) -> Answer:
    """Start the brokers that do not run, and wait until all answer.

    `brokers` is 1 or 3; None stands for the number that the folder has, or 1. With `users` the cluster uses TLS, and
    these users get certificates and rights.

    Raises LocalUsage if a program is missing or the folder has another number of brokers, LocalUnavailable.
    """
    artifacts = with_class_archive(find_artifacts())
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"{folder}: {error.strerror}"
        raise LocalUsage("broker_folder_invalid", message, hint="use another folder") from None
    with _alone(folder):
        layout = layouts.make(folder, brokers, tls=users is not None)
        starting = [broker for broker in layout.brokers if pid_of(broker) is None]
        try:
            if users is not None:
                users.issue(layout)
            prepare(artifacts, layout, starting)
            for broker in starting:
                launch(artifacts, broker, None)
            await_ready(layout.brokers)
            if users is not None:
                users.give_rights(layout)
        except BaseException:
            end(starting)  # a part of a cluster is of no use
            raise
        return Answer(bootstrap=layout.bootstrap, pids=_pids(layout), certificates=layout.tls)


def stop(folder: Path, *, brokers: int | None = None) -> Answer:
    """End all brokers of the folder. The answer has the processes that were ended: none for the second call."""
    layout = layouts.read(folder, brokers)
    with _alone(folder):
        pids = _pids(layout)
        end(layout.brokers)
    return Answer(bootstrap=layout.bootstrap, pids=pids, certificates=layout.tls)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with locked(folder / LOCK_FILE, wait=False) as is_locked:
        if not is_locked:
            message = f"another program is using the cluster in {folder}"
            raise LocalUnavailable(
                "broker_folder_busy",
                message,
                hint="wait until it has started or stopped the brokers; attached brokers end with their program",
            )
        yield


def _pids(layout: ClusterLayout) -> tuple[int, ...]:
    return tuple(pid for broker in layout.brokers if (pid := pid_of(broker)) is not None)
