"""Settings of all tests. Property tests have no deadline, because three test processes share two cores with daemons.

A cluster or server that a test process shares between its tests ends with the process. The longest files run first, so
that all processes end at about the same time.
"""

import signal
import sys

import pytest
from hypothesis import settings

settings.register_profile("enlace", deadline=None)
settings.load_profile("enlace")

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # a run in the background of a script; commands would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)


LONGEST = (
    "test_readme.py",
    "test_real_input.py",
    "test_kafka_faults.py",
    "test_campaign.py",
    "test_removed_defences.py",
    "test_lost_streams.py",
    "test_real_input_postgres.py",
    "test_kill.py",
    "test_crash.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the files of `LONGEST` first, in that order, then all others."""
    order = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


def pytest_sessionfinish() -> None:
    """End the shared cluster and the shared PostgreSQL server, if any test asked for them."""
    for name in ("tests.support.clusters", "tests.support.postgres"):
        if name in sys.modules:
            sys.modules[name].end()
