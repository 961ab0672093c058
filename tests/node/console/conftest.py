"""One exchange for all tests of the console in a process; none of them publishes or seals."""

import pytest

from node.runtime.home import Home
from tests.support.console_site import make_exchange


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Home]:
    """The homes of the exchange."""
    return make_exchange(tmp_path_factory.mktemp("console"))


@pytest.fixture
def home(homes: dict[str, Home]) -> Home:
    """The node whose console the tests use."""
    return homes["BZ"]
