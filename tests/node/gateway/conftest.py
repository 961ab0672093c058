"""Homes for the tests of the gateway."""

from pathlib import Path

import pytest

from tests.support.processes import agreement, lab


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The home of BZ, which may give reports to GT."""
    return lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))["BZ"]
