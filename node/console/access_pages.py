"""The access log for the data-protection officer: who did what with which report, when and why; the newest first.

Reading the access log leaves no entry, as on the command line.
"""

from typing import Final

from node.access.entries import AccessEntry, filter_of, latest_entries
from node.console.page_types import Answer, ConsolePage, View, Visit, address, cursor_of, since_of
from node.errors import UsageError
from node.integrators.scopes import Scope
from node.store.access_log import LAST_ID

ENTRIES_ON_PAGE_MAX: Final = 50


async def access(visit: Visit) -> Answer:
    """One page of the entries; `actor` and `since` narrow it."""
    actor, since, error = visit.asked("actor"), visit.asked("since"), None
    entries: list[AccessEntry] = []
    try:
        entries = await latest_entries(
            visit.served.store,
            wanted=filter_of(since=since_of(since), actor=actor),
            before=cursor_of(visit, "before") or LAST_ID,
            limit=ENTRIES_ON_PAGE_MAX,
        )
    except UsageError as refused:
        error = refused
    has_next = len(entries) == ENTRIES_ON_PAGE_MAX
    values = {
        "entries": entries,
        "actor": actor,
        "since": since,
        "error": error,
        "next": address("/access", actor=actor, since=since, before=entries[-1].id) if has_next else None,
        "is_later": bool(visit.asked("before")),
    }
    return View(template="access.html", title="access.title", values=values, status=400 if error else 200)


PAGES: Final = (ConsolePage(path="/access", scopes=frozenset({Scope.AUDIT}), handle=access, menu="menu.access"),)
