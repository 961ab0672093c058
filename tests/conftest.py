"""What holds for every test: properties have no deadline, as two test processes share two cores with daemons.

What a test process started for all its tests ends with it. The longest files come first, so that both processes end
together.
"""

import sys

import pytest
from hypothesis import settings

settings.register_profile("enlace", deadline=None)
settings.load_profile("enlace")


LONGEST = ("test_real_input.py", "test_kafka_faults.py", "test_kafka_three.py", "test_kill.py", "test_readme.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files in the order of `LONGEST`, then all others as they come."""
    order = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


def pytest_sessionfinish() -> None:
    """End the shared cluster, if any test asked for it."""
    if "tests.support.clusters" in sys.modules:
        sys.modules["tests.support.clusters"].end()
