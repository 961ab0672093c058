"""`doctor`: examines a node and the machine below it. Changes nothing but what every opening of the store changes.

Rules. An examination that fails does not stop the others. What is wrong is found here before it stops the node; what is
wrong with streams and reports is in `status`.
"""

from pathlib import Path

from broker.bus import SQLITE
from node.clock import now_ms, since_boot
from node.doctor import bus, expiry, exposed_files, machine
from node.doctor.examination import Examination, bad
from node.errors import EnlaceError
from node.integrity import clock_checks
from node.runtime.home import Home
from node.runtime.open_store import open_store
from node.verification.clock_rules import ClockProblem


async def examine(home: Home) -> list[Examination]:
    """Every examination of the node, in a fixed order."""
    now = now_ms()
    exposed = exposed_files.permissions(home)  # before the store is opened, which closes it to other users
    clock, store = await _store(home, now)
    places = _places(home)
    return [
        *(machine.volume(place) for place in places),
        machine.clock(clock),
        *(machine.disk_space(place) for place in places),
        *exposed,
        *store,
        *expiry.expiry(home, now),
        *await bus.bus(home),
    ]


def _places(home: Home) -> list[Path]:
    """The home, and the folders of store and log if they are on other volumes."""
    urls = (url for url in (home.store_url, home.config.bus.url) if url.startswith(SQLITE))
    known: dict[int, Path] = {}
    for folder in (home.path, *((home.path / url.removeprefix(SQLITE)).parent for url in urls)):
        if folder.is_dir():
            known.setdefault(folder.stat().st_dev, folder)
    return list(known.values())


async def _store(home: Home, now: int) -> tuple[ClockProblem | None, list[Examination]]:
    """What is wrong with the clock, as the store has it; and an examination if the store cannot be opened."""
    try:
        async with open_store(home, existing=True) as store:
            return await store.read(lambda db: clock_checks.find(db, home.node, now, since_boot())), []
    except EnlaceError as error:
        return None, [bad("store", error.message, error.hint or "correct the section [store] of the configuration")]
