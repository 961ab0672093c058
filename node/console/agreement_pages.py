"""The agreements: a matrix of who may give what to whom, and the clauses behind each cell."""

from typing import Final

from node.console.page_types import ANY_SCOPE, Answer, ConsolePage, View, Visit
from node.overviews.agreement_matrix import agreement_rows, matrix


async def agreements(visit: Visit) -> Answer:
    """The matrix of now; `from` and `to` narrow the list of clauses to one pair."""
    governance, now = visit.served.intake.documents.current(), visit.served.now_ms()
    giver, taker = visit.asked("from").upper() or None, visit.asked("to").upper() or None
    values = {
        "matrix": matrix(governance, now),
        "agreements": agreement_rows(governance, now, giver, taker),
        "giver": giver,
        "taker": taker,
        "own": visit.served.home.node,
    }
    return View(template="agreements.html", title="agreements.title", values=values)


PAGES: Final = (ConsolePage(path="/agreements", scopes=ANY_SCOPE, handle=agreements, menu="menu.agreements"),)
