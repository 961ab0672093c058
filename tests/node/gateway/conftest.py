"""Homes for the tests of the gateway."""

import asyncio
import shutil
from pathlib import Path

import pytest

from node.runtime.home import open_home
from node.runtime.open_intake import open_intake
from tests.support.processes import agreement, lab


async def _make_store(home: Path) -> None:
    async with open_intake(open_home(home)):
        pass


@pytest.fixture(scope="session")
def new_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of BZ, which may give reports to GT, with an empty store. It is only copied."""
    made = lab(tmp_path_factory.mktemp("gateway"), ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))["BZ"]
    asyncio.run(_make_store(made))
    return made


@pytest.fixture
def home(new_home: Path, tmp_path: Path) -> Path:
    """A home of BZ of its own."""
    return Path(shutil.copytree(new_home, tmp_path / "bz"))
