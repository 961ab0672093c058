"""The exchange that all campaigns of a test process copy."""

import asyncio

import pytest

from tests.campaign.setting import Setting, make


@pytest.fixture(scope="session")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    """The exchange that each campaign copies."""
    return asyncio.run(make(tmp_path_factory.mktemp("campaign") / "setting"))
