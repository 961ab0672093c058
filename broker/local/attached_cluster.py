"""A local cluster that ends with a `with` block, for tests and the demonstration.

with attached_cluster(folder, brokers=3) as cluster:
    ... cluster.url, cluster.kill(2), cluster.start(2), cluster.stop_all(), cluster.start_all()
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from broker.local import layout as layouts
from broker.local.artifacts import find_artifacts
from broker.local.class_archive import with_class_archive
from broker.local.cluster import Cluster
from broker.local.errors import LocalUnavailable
from broker.local.filelock import locked
from broker.local.launch import Extra, nothing_else
from broker.local.layout import LOCK_FILE
from broker.local.process import pid_of
from broker.local.tls import Users

END_HINT: Final = "stop it first; attached brokers end with their program"


@contextmanager
def attached_cluster(
    folder: Path, *, brokers: int = 1, extra: Extra = nothing_else, users: Users | None = None
) -> Iterator[Cluster]:
    """The cluster in `folder`, which is created if it does not exist. All brokers are ready when the block begins.

    `extra` gives settings that replace ours, for tests of other configurations. With `users` the cluster uses TLS, and
    these users get certificates and rights.

    Raises LocalUsage if Java or Maven is missing, LocalUnavailable if brokers do not become ready or already run.
    """
    artifacts = with_class_archive(find_artifacts())
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / LOCK_FILE, wait=False) as is_locked:
        layout = layouts.make(folder, brokers, tls=users is not None) if is_locked else None
        if layout is None or any(pid_of(broker) is not None for broker in layout.brokers):
            raise LocalUnavailable("broker_folder_busy", f"a cluster runs in {folder}", hint=END_HINT)
        cluster = Cluster(artifacts, layout, extra)
        try:
            if users is not None:
                users.issue(layout)
            cluster.start_all()
            if users is not None:
                users.give_rights(layout)
            yield cluster
        finally:
            cluster.close()
