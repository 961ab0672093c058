"""What this node opened and may not keep, by the agreement and clause that stands against it. No content is kept."""

from typing import Final

from node.commands.withheld import withheld_by_clause, withheld_page
from node.console.page_types import OVERSEERS, Answer, ConsolePage, View, Visit, address

MESSAGES_ON_PAGE_MAX: Final = 50


async def withheld(visit: Visit) -> Answer:
    """How many messages each clause withheld, and a page of them; `agreement` and `clause` narrow the list."""
    agreement, clause = visit.asked("agreement"), visit.asked("clause")
    store = visit.served.store
    page = await withheld_page(
        store,
        limit=MESSAGES_ON_PAGE_MAX,
        after=visit.asked("after") or None,
        poll=False,
        clause=(agreement, clause or None) if agreement else None,
        **visit.asker,
    )
    values = {
        "groups": await withheld_by_clause(store),
        "messages": page.withheld,
        "agreement": agreement,
        "clause": clause,
        "next": address("/withheld", agreement=agreement, clause=clause, after=page.next) if page.next else None,
        "is_later": bool(visit.asked("after")),
    }
    return View(template="withheld.html", title="withheld.title", values=values)


PAGES: Final = (ConsolePage(path="/withheld", scopes=OVERSEERS, handle=withheld, menu="menu.withheld"),)
