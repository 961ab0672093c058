"""The problems that `status` lists: what has to be renewed."""

from dataclasses import dataclass

from node.answers import error_catalogue
from node.answers.plain_json import TimeMs
from node.errors import UsageError
from node.runtime.home import Home
from node.runtime.renewals import certificate_of, renewals
from node.trust.document_files import read_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that an operator has to do."""

    code: str
    since: TimeMs
    subject: str
    message: str
    hint: str | None


def renewal_problems(home: Home, now: int) -> tuple[Problem, ...]:
    """Documents, keys and certificates that end within 30 days or have ended; none if the documents cannot be read."""
    try:
        governance = read_folder(home.documents_folder, home.config.node.community).governance
    except UsageError:
        return ()
    return tuple(
        Problem(
            code=warning.code,
            since=warning.since,
            subject=warning.subject,
            message=warning.message,
            hint=error_catalogue.remedy(warning.code),
        )
        for warning in renewals(governance, home.node, certificate_of(home), now)
    )
