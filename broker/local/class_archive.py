"""Class-data sharing: an archive of the classes that a broker loads halves the time in which brokers start.

The archive is next to the jars, one for each Java. A broker that starts in an empty folder and stops writes it once, in
about ten seconds. The archive is optional: Java ignores one that does not fit, and brokers start without one if it
cannot be made.
"""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Final

from broker.local import layout as layouts
from broker.local.artifacts import Artifacts
from broker.local.cluster import Cluster
from broker.local.errors import LocalError
from broker.local.filelock import locked

QUIET: Final = ("-Xshare:auto", "-Xlog:cds=off", "-Xlog:cds+dynamic=off")


def with_class_archive(artifacts: Artifacts) -> Artifacts:
    """`artifacts` with the archive, which is made first if it does not exist; unchanged if it cannot be made."""
    path = artifacts.jars.with_name(f"{artifacts.jars.name}-{artifacts.java_id}.jsa")
    if not path.is_file():
        try:
            with locked(path.with_suffix(".lock"), wait=True):
                if not path.is_file():  # another process may have made it meanwhile
                    _make(artifacts, path)
        except (LocalError, OSError):
            return artifacts
    return replace(artifacts, options=(f"-XX:SharedArchiveFile={path}", *QUIET))


def _make(artifacts: Artifacts, path: Path) -> None:
    """Let a broker write the archive into a scratch folder, then rename it to `path`."""
    with tempfile.TemporaryDirectory(prefix=f".{path.stem}.", dir=path.parent) as scratch:
        made = Path(scratch, path.name)
        dumping = replace(artifacts, options=(f"-XX:ArchiveClassesAtExit={made}", *QUIET))
        cluster = Cluster(dumping, layouts.make(Path(scratch), 1))
        try:
            cluster.start_all()
            cluster.stop_all()
        finally:
            cluster.close()
        if made.is_file():
            made.rename(path)
