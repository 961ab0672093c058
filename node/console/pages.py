"""All pages of the console, in the order of the menu: one line for each module that has some."""

from typing import Final

from node.console import (
    access_pages,
    agreement_pages,
    document_pages,
    quarantine_pages,
    reason_pages,
    report_pages,
    sent_pages,
    status_pages,
    withheld_pages,
)
from node.console.page_types import ConsolePage

PAGES: Final[tuple[ConsolePage, ...]] = (
    *status_pages.HEALTH,
    *report_pages.PAGES,
    *sent_pages.PAGES,
    *status_pages.STREAMS,
    *quarantine_pages.PAGES,
    *withheld_pages.PAGES,
    *agreement_pages.PAGES,
    *document_pages.PAGES,
    *access_pages.PAGES,
    *reason_pages.PAGES,
)
