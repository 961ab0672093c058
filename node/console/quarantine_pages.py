"""The quarantine: which records failed the verification, why, what to do, and another try."""

from typing import Final

from node.answers.error_catalogue import meaning
from node.commands.quarantine import quarantine_page, retry_quarantine, show_quarantined, summarise_quarantine
from node.console.page_types import OVERSEERS, Answer, ConsolePage, Redirect, View, Visit, address
from node.errors import Refused
from node.integrators.scopes import Scope
from node.undecided.quarantine_filter import Filter

RECORDS_ON_PAGE_MAX: Final = 50
_ADMINISTRATORS: Final = frozenset({Scope.ADMIN})


async def quarantine(visit: Visit) -> Answer:
    """The codes with their number of records, and the oldest records; `code` and `originator` narrow both."""
    code, originator = visit.asked("code"), visit.asked("originator").upper()
    wanted = Filter(code=code or None, originator=originator or None)
    store = visit.served.store
    groups = await summarise_quarantine(store, wanted)
    page = await quarantine_page(store, limit=RECORDS_ON_PAGE_MAX, after=visit.asked("after") or None, fits=wanted)
    values = {
        "groups": [(group, meaning(group.code)) for group in groups],
        "records": page.quarantine,
        "next": address("/quarantine", code=code, originator=originator, after=page.next) if page.next else None,
        "is_later": bool(visit.asked("after")),
        "code": code,
        "originator": originator,
        "done": visit.asked("done") == "1",
        "may_retry": visit.session.caller.may(_ADMINISTRATORS),
    }
    return View(template="quarantine.html", title="quarantine.title", values=values)


async def quarantined_record(visit: Visit) -> Answer:
    """One record with the detail of its failure and the remedy."""
    record, _ = await show_quarantined(visit.served.store, visit.path("id"), **visit.asker)
    values = {
        "record": record,
        "meaning": meaning(record.code),
        "retried": visit.asked("retried") == "1",
        "may_retry": visit.session.caller.may(_ADMINISTRATORS),
    }
    return View(template="quarantined_record.html", title="quarantined_record.title", values=values)


async def retry(visit: Visit) -> Answer:
    """Look again at one record; if it verifies now, it is stored in its place and leaves the quarantine."""
    id_ = visit.path("id")
    await retry_quarantine(visit.served.home, visit.served.store, [id_])
    try:
        await show_quarantined(visit.served.store, id_, **visit.asker)
    except Refused:
        return Redirect(to=address("/quarantine", done=1))
    return Redirect(to=address(f"/quarantine/{id_}", retried=1))


PAGES: Final = (
    ConsolePage(path="/quarantine", scopes=OVERSEERS, handle=quarantine, menu="menu.quarantine"),
    ConsolePage(path="/quarantine/{id}", scopes=OVERSEERS, handle=quarantined_record),
    ConsolePage(path="/quarantine/{id}/retry", scopes=_ADMINISTRATORS, handle=retry, method="POST"),
)
