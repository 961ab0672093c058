"""A local cluster for as long as a block lasts: for tests and the demonstration.

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

END_HINT: Final = "`enlace broker local stop --dir DIR` ends a detached one; another program's ends with that"


@contextmanager
def attached_cluster(folder: Path, *, brokers: int = 1, extra: Extra = nothing_else) -> Iterator[Cluster]:
    """All brokers of the cluster in `folder` (made if it is not there), ready; ended with the block.

    `extra` are settings that stand before ours, for who has to look at a cluster of somebody else's configuration.

    Raises LocalUsage when Java or Maven is missing, LocalUnavailable when they do not get ready or run already.
    """
    artifacts = with_class_archive(find_artifacts())
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / LOCK_FILE, wait=False) as mine:
        layout = layouts.make(folder, brokers) if mine else None
        if layout is None or any(pid_of(broker) is not None for broker in layout.brokers):
            raise LocalUnavailable("broker_folder_busy", f"a cluster runs in {folder}", hint=END_HINT)
        cluster = Cluster(artifacts, layout, extra)
        try:
            cluster.start_all()
            yield cluster
        finally:
            cluster.close()
