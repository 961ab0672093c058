"""The console in a real Chromium: no errors, no barriers, by keyboard alone, with hostile texts, and without a script.

Without Chromium these tests are skipped; with CI set they fail.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import axe_core_python
import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, Request, sync_playwright

from node.console.pages import PAGES
from node.runtime.home import Home
from tests.support.console_site import Site, site_in_thread

CHROMIUM: Final = shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS: Final = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
AXE: Final = (Path(axe_core_python.__file__).parent / "axe.min.js").read_text("utf-8")
MENU: Final = [page.path for page in PAGES if page.menu is not None]
ALL_REPORTS: Final = "/reports?since=2020-01-01"
LOOKS: Final = [
    ("en-GB", "light"),
    ("es-GT", "dark"),
    pytest.param("en-GB", "dark", marks=pytest.mark.slow),
    pytest.param("es-GT", "light", marks=pytest.mark.slow),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests of the file."""
    if not Path(CHROMIUM).exists():
        if os.environ.get("CI"):
            pytest.fail("there is no Chromium on this machine: install the package chromium")
        pytest.skip("there is no Chromium on this machine")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def site(homes: dict[str, Home]) -> Iterator[Site]:
    """The console of Belize on this machine."""
    with site_in_thread(homes["BZ"].path) as running:
        yield running


@dataclass
class Window:
    """A page of the browser that notes everything that goes wrong in it."""

    page: Page
    site: Site
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda message: self.wrong.append(message.text))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("requestfailed", self._note_failed)
        self.page.on("request", lambda request: self._note_foreign(request.url))
        self.page.on("dialog", self._note_dialog)

    def _note_failed(self, request: Request) -> None:
        """A request that the next page ends, as that of the icon, did not fail."""
        if request.failure != "net::ERR_ABORTED":
            self.wrong.append(request.url)

    def _note_foreign(self, url: str) -> None:
        if not url.startswith(f"{self.site.url}/"):
            self.wrong.append(url)

    def _note_dialog(self, dialog: Dialog) -> None:
        self.wrong.append(dialog.message)
        dialog.dismiss()

    def goto(self, path: str) -> None:
        """A page below /console."""
        self.page.goto(f"{self.site.url}/console{path}")

    def log_in(self, token: str = "everything") -> None:
        """Log in and give a reason."""
        self.goto("/login?next=/console/reason")
        self.page.fill("#token", self.site.tokens[token])
        self.page.keyboard.press("Enter")
        self.page.wait_for_url("**/console/reason")
        self.page.select_option("#purpose", "CROSS_CHECKING")
        self.page.fill("#reason", "case 7")
        self.page.click("main button")
        self.page.wait_for_url("**/console/")

    def links(self, selector: str) -> list[str]:
        """The addresses of links, without the prefix."""
        found: list[str] = self.page.eval_on_selector_all(selector, "all => all.map(a => a.getAttribute('href'))")
        return [address.removeprefix("/console") for address in found]


def opened(browser: Browser, site: Site, **options: Any) -> tuple[BrowserContext, Window]:
    """A new window without cookies."""
    context = browser.new_context(**options)
    return context, Window(page=context.new_page(), site=site)


def every_page(window: Window) -> list[str]:
    """The address of each page, with one report, one sent report and one record of the quarantine."""
    window.goto(ALL_REPORTS)
    reports = window.links(".results a")
    window.goto("/sent")
    sent = window.links("tbody a")[:1]
    window.goto("/quarantine")
    records = [link for link in window.links("tbody th a") if "?" not in link][:1]
    errors = ["/reports?value=1&scheme=IMO", "/nothing", "/reason"]
    return [*MENU, ALL_REPORTS, *reports, *sent, *records, *errors]


@pytest.mark.parametrize(("locale", "scheme"), LOOKS)
def test_each_page_renders_without_errors_and_without_barriers(
    browser: Browser, site: Site, locale: str, scheme: str
) -> None:
    """No message of the browser, no failed request, no violation of the policy, and none that axe-core finds."""
    options: dict[str, Any] = {"locale": locale, "color_scheme": scheme}
    context, window = opened(browser, site, **options)
    checked, checking = opened(
        browser, site, bypass_csp=True, **options
    )  # axe-core itself needs what the policy forbids
    for each in (window, checking):
        each.log_in()
    for path in every_page(window):
        window.goto(path)
        problem = path.startswith(("/reports?value", "/nothing"))  # the browser notes the status of such a page
        expected = [text for text in window.wrong if problem and "status of 40" in text]
        assert [text for text in window.wrong if text not in expected] == [], path
        window.wrong.clear()
        assert window.page.evaluate("window.hit") is None
        checking.goto(path)
        assert violations(checking.page) == [], path
    window.goto("/login")
    checking.goto("/login")
    assert violations(checking.page) == []
    context.close()
    checked.close()


def violations(page: Page) -> list[str]:
    """What axe-core finds, with the elements."""
    page.evaluate(AXE)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [f"{rule['id']}: {node['html']}" for rule in found["violations"] for node in rule["nodes"]]


def test_axe_core_finds_a_barrier_where_there_is_one(browser: Browser) -> None:
    """Otherwise the test above could not fail."""
    page = browser.new_page()
    page.set_content("<html><body><img src=x><input></body></html>")
    assert {text.split(":")[0] for text in violations(page)} >= {"image-alt", "label", "html-has-lang"}
    page.close()


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until an element that fits has the focus. Each focus on the way can be seen."""
    for _ in range(80):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            """selector => {
                const element = document.activeElement;
                const style = getComputedStyle(element);
                return [element.matches(selector), element.matches(':focus-visible'), style.outlineStyle];
            }""",
            selector,
        )
        assert focused[1:] == [True, "solid"], page.evaluate("document.activeElement.outerHTML")
        if focused[0]:
            return
    pytest.fail(f"the keyboard does not reach {selector}")


def test_from_the_login_to_a_report_by_keyboard_alone(browser: Browser, site: Site) -> None:
    """Log in, give a reason, search, open a report, change the language, log out."""
    context, window = opened(browser, site, locale="en-GB")
    page = window.page
    window.goto("/reports")
    page.keyboard.type(site.tokens["everything"])  # the field has the focus
    page.keyboard.press("Enter")
    page.wait_for_url("**/reason**")
    tab_to(page, "#purpose")
    page.keyboard.press("ArrowDown")
    tab_to(page, "#reason")
    page.keyboard.type("case 7")
    tab_to(page, "main button")
    page.keyboard.press("Enter")
    page.wait_for_url("**/reports")
    tab_to(page, "#text")
    page.keyboard.type("Chiquibul")
    page.keyboard.press("Enter")
    page.wait_for_url("**text=Chiquibul**")
    tab_to(page, ".results a")
    page.keyboard.press("Enter")
    page.wait_for_url("**/reports/*-*")
    assert "Chiquibul National Park" in page.inner_text(".narrative")
    tab_to(page, ".languages a")
    page.keyboard.press("Enter")
    page.wait_for_selector("html[lang=es]")
    tab_to(page, "header button")
    page.keyboard.press("Enter")
    page.wait_for_url("**/login?ended=out")
    context.close()


def test_the_first_stop_of_the_keyboard_leads_past_the_menu(browser: Browser, site: Site) -> None:
    """The skip link moves the focus into the content."""
    context, window = opened(browser, site)
    window.log_in()
    window.goto("/streams")
    window.page.keyboard.press("Tab")
    assert window.page.evaluate("document.activeElement.className") == "skip"
    window.page.keyboard.press("Enter")
    assert window.page.evaluate("document.activeElement.id") == "main"
    context.close()


def test_hostile_text_of_a_report_runs_nothing_and_is_shown_whole(browser: Browser, site: Site) -> None:
    """The report is read as it was written, with what overrides the direction as its number."""
    context, window = opened(browser, site)
    window.log_in()
    window.goto(ALL_REPORTS)
    for link in window.links(".results a"):
        window.goto(link)
        narrative = window.page.inner_text(".narrative")
        if "window.hit" in narrative:
            break
    assert narrative.startswith("<script>window.hit=1</script><img src=x onerror=")
    assert "⟨U+202E⟩gnp.exe" in narrative
    assert window.page.evaluate("window.hit") is None
    assert window.page.locator("main img, main script, main svg").count() == 0
    assert window.wrong == []
    context.close()


def test_the_policy_stops_a_script_that_got_into_a_page(browser: Browser, site: Site) -> None:
    """If escaping failed, the browser would still run nothing and load nothing from elsewhere."""
    context, window = opened(browser, site)
    window.log_in()
    window.page.evaluate(
        """() => {
            const inline = document.createElement('script');
            try { inline.textContent = 'window.hit = 1'; } catch { }
            document.body.append(inline);
            const image = document.createElement('img');
            image.src = 'http://127.0.0.1:9/x.png';
            try { image.setAttribute('onerror', 'window.hit = 2'); } catch { }
            document.body.append(image);
        }"""
    )
    window.page.wait_for_timeout(100)
    assert window.page.evaluate("window.hit") is None
    assert any("Content Security Policy" in text for text in window.wrong)
    context.close()


def test_everything_works_without_a_script(browser: Browser, site: Site) -> None:
    """Log in, give a reason, search, open a report, verify a record again, log out."""
    context, window = opened(browser, site, java_script_enabled=False, locale="en-GB")
    page = window.page
    window.log_in()
    window.goto("/reports?text=Chiquibul")
    page.click(".results a")
    assert "Chiquibul National Park" in page.inner_text(".narrative")
    window.goto("/quarantine")
    page.click("tbody button >> nth=0")
    page.wait_for_url("**retried=1")
    assert "still fails" in page.inner_text("main")
    page.click("header button")
    page.wait_for_url("**/login?ended=out")
    context.close()


def test_a_narrow_screen_scrolls_in_one_direction_only(browser: Browser, site: Site) -> None:
    """Tables scroll by themselves; 320 pixels are also what is left of a wide screen at a zoom of 400 %."""
    context, window = opened(browser, site, viewport={"width": 320, "height": 800})
    window.log_in()
    for path in every_page(window):
        window.goto(path)
        assert window.page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1"), path
    context.close()


def test_an_idle_page_leads_to_the_login(browser: Browser, site: Site) -> None:
    """What is on an unattended screen does not stay there."""
    context, window = opened(browser, site)
    window.page.clock.install()
    window.log_in()
    window.goto("/agreements")
    window.page.clock.fast_forward("14:00")
    assert "/agreements" in window.page.url
    window.page.clock.fast_forward("02:00")
    window.page.wait_for_url("**/login?ended=idle")
    context.close()
