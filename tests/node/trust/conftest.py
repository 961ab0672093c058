"""Communities for the tests of node/trust."""

import pytest

from tests.support.community import Community


@pytest.fixture
def bz() -> Community:
    """A community whose one node is BZ."""
    return Community(["BZ"])


@pytest.fixture
def three() -> Community:
    """BZ, GT and MX."""
    return Community(["BZ", "GT", "MX"])
