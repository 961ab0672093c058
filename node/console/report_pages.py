"""What arrived: a search of the reports that this node holds, and one report with its place and the decision about it.

Each look is logged as a consultation before the page is sent: the commands do it.
"""

from collections.abc import Sequence
from typing import Final

from node.commands.search import FoundReport, query_of, search
from node.commands.show import show
from node.console.page_types import READERS, Answer, ConsolePage, View, Visit, address, cursor_of, since_of
from node.errors import UsageError
from schemas import codes

REPORTS_ON_PAGE_MAX: Final = 25
FILTERS: Final = ("text", "scheme", "value", "country", "originator", "subject", "since")


async def search_reports(visit: Visit) -> Answer:
    """The form, and the reports that fit its filters; without a filter only the form."""
    asked = {name: visit.asked(name) for name in FILTERS}
    found: list[FoundReport] | None = None
    error = None
    if any(value for name, value in asked.items() if name not in ("scheme", "country")):
        try:
            found = await _found(visit, asked)
        except UsageError as refused:
            error = refused
    return View(
        template="reports.html",
        title="reports.title",
        values={
            "asked": asked,
            "found": found,
            "error": error,
            "next": _next(asked, found or ()),
            "is_later": bool(visit.asked("after")),
            "originators": sorted(visit.served.home.topology.members),
            "subjects": codes.load("subjects").ordered,
            "schemes": codes.load("schemes").ordered,
        },
        status=400 if error else 200,
    )


async def _found(visit: Visit, asked: dict[str, str]) -> list[FoundReport]:
    after = cursor_of(visit, "after")
    query = query_of(
        [asked["text"]] if asked["text"] else (),
        [_identifier(asked)] if asked["value"] else (),
        [asked["originator"]] if asked["originator"] else (),
        [asked["subject"]] if asked["subject"] else (),
        since=since_of(asked["since"]),
        limit=REPORTS_ON_PAGE_MAX,
        after=None if after is None else str(after),
    )
    return await search(visit.served.store, query, **visit.asker)


def _identifier(asked: dict[str, str]) -> str:
    """An identifier as the commands take it."""
    country = f"{asked['country'].upper()}:" if asked["country"] else ""
    return f"{country}{asked['scheme'] or 'NAME'}={asked['value']}"


def _next(asked: dict[str, str], found: Sequence[FoundReport]) -> str | None:
    """The address of the next page, if there may be one."""
    if len(found) < REPORTS_ON_PAGE_MAX:
        return None
    return address("/reports", **asked, after=found[-1].cursor)


async def show_report(visit: Visit) -> Answer:
    """Each message with this report id or message id, with its content if it may be shown."""
    messages = await show(visit.served.store, visit.path("id"), **visit.asker)
    values = {"messages": messages, "own": visit.served.home.node}
    return View(template="report.html", title="report.title", values=values)


PAGES: Final = (
    ConsolePage(path="/reports", scopes=READERS, handle=search_reports, menu="menu.reports", consults=True),
    ConsolePage(path="/reports/{id}", scopes=READERS, handle=show_report, consults=True),
)
