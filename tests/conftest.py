"""What holds for every test: properties have no deadline, as two test processes share two cores with daemons.

What a test process started for all its tests ends with it.
"""

import sys

from hypothesis import settings

settings.register_profile("enlace", deadline=None)
settings.load_profile("enlace")


def pytest_sessionfinish() -> None:
    """End the shared cluster, if any test asked for it."""
    if "tests.clusters" in sys.modules:
        sys.modules["tests.clusters"].end()
