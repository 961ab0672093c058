"""The pages whose commands the tests run: README.md and the manuals, with the blocks of each."""

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
WALKTHROUGH: Final = "docs/walkthrough.md"
PAGES: Final = (
    "README.md",
    "docs/operating.md",
    "docs/gateway.md",
    "docs/integrating.md",
    "docs/notifications.md",
    "docs/access-log.md",
    "docs/console.md",
    "docs/auditing.md",
    WALKTHROUGH,
)
_BLOCK: Final = re.compile(r"<!-- run: ([a-z-]+) -->\n```sh\n(.*?)```", re.DOTALL)


def page_text(page: str) -> str:
    """The whole page, by its path in the checkout."""
    return (ROOT / page).read_text("utf-8")


def blocks(page: str) -> list[tuple[str, str]]:
    """Name and commands of each block that is marked to be run, in the order of the page."""
    return _BLOCK.findall(page_text(page))


def scripts(page: str) -> dict[str, str]:
    """The commands of a page by name; blocks of one name follow each other in one shell."""
    found: dict[str, str] = {}
    for name, commands in blocks(page):
        found[name] = found.get(name, "") + commands
    return found
