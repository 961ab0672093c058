"""Why does this person read reports? Purpose and reason are asked once in a session, and can be changed.

Each consultation of the session is logged with them (LED Art 25).
"""

from typing import Final

from node.commands.justification import REASON_CHARACTERS_MAX, required_justification
from node.console.page_types import ANY_SCOPE, Answer, ConsolePage, Redirect, View, Visit, local_address
from node.errors import UsageError
from schemas import codes


async def reason_form(visit: Visit) -> Answer:
    """The form, with what the session has now."""
    why = visit.session.why
    return _form(visit.asked("next"), why.purpose or "", why.reason or "")


async def give_reason(visit: Visit) -> Answer:
    """Keep purpose and reason, and go on to the page that needs them; or show the form again with the error."""
    purpose, reason = visit.form.get("purpose", ""), visit.form.get("reason", "")
    to = visit.form.get("next", "")
    try:
        visit.session.why = required_justification(purpose, reason)
    except UsageError as error:
        return _form(to, purpose, reason, error)
    return Redirect(to=local_address(to))


def _form(to: str, purpose: str, reason: str, error: UsageError | None = None) -> View:
    values = {
        "next": local_address(to),
        "purpose": purpose,
        "reason": reason,
        "purposes": codes.load("purposes").ordered,
        "reason_characters_max": REASON_CHARACTERS_MAX,
        "error": error,
    }
    return View(template="reason.html", title="reason.title", values=values, status=400 if error else 200)


PAGES: Final = (
    ConsolePage(path="/reason", scopes=ANY_SCOPE, handle=reason_form),
    ConsolePage(path="/reason", scopes=ANY_SCOPE, handle=give_reason, method="POST"),
)
