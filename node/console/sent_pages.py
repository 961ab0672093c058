"""What was sent, and who confirmed it: the own reports, the newest first, with the outcome at each recipient.

These pages show ids, times and outcomes. The content of an own report is on its page among the reports (report_pages).
Who has no other scope than `publish` sees the reports that the own token handed in.
"""

from typing import Final

from node.commands.receipts import receipts_of
from node.console.page_types import Answer, ConsolePage, View, Visit, address, cursor_of
from node.handing_in.own_report import own_report
from node.integrators.scopes import Scope
from node.overviews.sent_reports import list_sent

SENT_ON_PAGE_MAX: Final = 25
_SEE_ALL: Final = frozenset({Scope.READ, Scope.AUDIT, Scope.ADMIN})
_SCOPES: Final = _SEE_ALL | {Scope.PUBLISH}


def _integrator(visit: Visit) -> str | None:
    """The integrator whose reports may be seen; None: all."""
    return None if visit.session.caller.may(_SEE_ALL) else visit.session.caller.integrator


async def sent(visit: Visit) -> Answer:
    """One page of the own reports."""
    before = cursor_of(visit, "before")
    reports = await list_sent(
        visit.served.intake, before=before, limit=SENT_ON_PAGE_MAX, integrator=_integrator(visit), **visit.asker
    )
    has_next = len(reports) == SENT_ON_PAGE_MAX
    values = {
        "reports": reports,
        "next": address("/sent", before=reports[-1].cursor) if has_next else None,
        "is_later": before is not None,
    }
    return View(template="sent.html", title="sent.title", values=values)


async def sent_report(visit: Visit) -> Answer:
    """The outcome of one own report at each recipient."""
    id_ = visit.path("id")
    if (integrator := _integrator(visit)) is not None:
        await own_report(visit.served.intake, id_, integrator=integrator)  # refuses a report of another integrator
    outcomes = await receipts_of(visit.served.home, visit.served.store, id_, **visit.asker)
    may_read = visit.session.caller.may(frozenset({Scope.READ}))
    values = {"id": id_, "outcomes": outcomes, "may_read": may_read}
    return View(template="sent_report.html", title="sent_report.title", values=values)


PAGES: Final = (
    ConsolePage(path="/sent", scopes=_SCOPES, handle=sent, menu="menu.sent"),
    ConsolePage(path="/sent/{id}", scopes=_SCOPES, handle=sent_report),
)
