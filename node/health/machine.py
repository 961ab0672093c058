"""What is wrong with the process and the machine of a node: no daemon, a bus that does not answer, a full disk."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from broker.bus import SQLITE
from node.errors import EnlaceError
from node.health.problem import Problem, problem
from node.runtime.home import Home

SPACE_BYTES_MIN: Final = 64 * 1024 * 1024  # a batch and the pages that it changes take less than 32 MiB


def machine_problems(home: Home, *, running: bool, bus: str | None, bus_code: str = "bus_unavailable") -> list[Problem]:
    """The problems now; `bus` is why the bus cannot be used, or None, and `bus_code` the code of that error."""
    found = list(_full_disks(home))
    if not running:
        found.append(problem("daemon_down", home.node, "no daemon runs on this home, so nothing is sent or read"))
        found += _unusable_keys(home)
    if bus is not None:
        found.append(problem(bus_code, home.config.bus.url, bus))
    return found


def _unusable_keys(home: Home) -> Iterable[Problem]:
    """Why a daemon could not start with the private keys of the home."""
    try:
        home.keys()
    except EnlaceError as error:
        yield problem(error.code, error.path or home.config.keys.file, error.message)


def _full_disks(home: Home) -> Iterable[Problem]:
    """One problem for each volume of home, store and log that has no space left."""
    seen: set[int] = set()
    for folder in _folders(home):
        try:
            device, free = folder.stat().st_dev, shutil.disk_usage(folder).free
        except OSError:
            continue  # the store or the bus reports it
        if device not in seen and free < SPACE_BYTES_MIN:
            yield problem("disk_full", str(folder), f"{free // 1024**2} MiB are free at {folder}")
        seen.add(device)


def _folders(home: Home) -> Iterable[Path]:
    yield home.path
    for url in (home.store_url, home.config.bus.url):
        if url.startswith(SQLITE):
            yield (home.path / url.removeprefix(SQLITE)).parent
