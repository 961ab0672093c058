"""`make screenshots`: pictures of the console of the demonstration for the documentation, by a real Chromium.

Runs an exchange as the demonstration does, opens the console of one node, and writes `docs/console/*.png`.
"""

import asyncio
import shutil
import sys
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Page, sync_playwright

from demo.__main__ import NODES, publish
from demo.commands import daemons, enlace, say, settle
from demo.console import DemoConsole, console
from demo.forge import forge
from demo.show import HERE

PICTURES: Final = HERE.parent / "docs" / "console"
FOLDER: Final = HERE.parent / "build" / "screenshots"
CHROMIUM: Final = shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS: Final = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run")
ENGLISH: Final = {
    "health": "/",
    "reports": "/reports?since=2020-01-01",
    "sent": "/sent",
    "quarantine": "/quarantine",
    "agreements": "/agreements",
    "access": "/access",
}
SPANISH: Final = {"streams-es": "/streams", "documents-es": "/documents?kind=AGREEMENT"}


def main() -> None:
    """Make all pictures."""
    if not Path(CHROMIUM).exists():
        sys.exit("the pictures need Chromium: install the package chromium")
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.parent.mkdir(parents=True, exist_ok=True)
    options = ("--nodes", ",".join(NODES), "--agreements", str(HERE / "agreements"))
    [lab] = enlace("lab", str(FOLDER), *options)
    homes = {code: Path(home) for code, home in lab["nodes"].items()}
    logs = FOLDER / "logs"
    logs.mkdir()
    PICTURES.mkdir(exist_ok=True)
    with daemons(homes, logs):
        publish(homes)
        settle(homes)
        asyncio.run(forge(f"sqlite:///{FOLDER / 'log.db'}", FOLDER))
        settle(homes)
        with console(homes["BZ"], logs / "console.log") as opened, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
            take(browser, opened, ENGLISH, locale="en-GB", scheme="light")
            take(browser, opened, SPANISH, locale="es-GT", scheme="dark")
            browser.close()
    say(f"The pictures are in {PICTURES}.")


def take(browser: Browser, opened: DemoConsole, pages: dict[str, str], *, locale: str, scheme: str) -> None:
    """Log in, give a reason and take one picture of each page; in English, of one report too."""
    size = {"width": 1200, "height": 760}
    page = browser.new_page(viewport=size, locale=locale, color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(f"{opened.address}login?next=/console/reason")
    page.fill("#token", opened.token)
    page.keyboard.press("Enter")
    page.wait_for_url("**/reason")
    page.select_option("#purpose", "CROSS_CHECKING")
    page.fill("#reason", "Control at Melchor, case BZ-2026-17")
    page.click("main button")
    for name, path in pages.items():
        page.goto(opened.address.rstrip("/") + path)
        picture(page, name)
        if name == "reports":
            page.click(".results li:nth-child(2) a")
            picture(page, "report")
    page.close()


def picture(page: Page, name: str) -> None:
    """Write one picture."""
    page.screenshot(path=PICTURES / f"{name}.png")


if __name__ == "__main__":
    main()
