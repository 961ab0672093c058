"""What `status` lists: findings about streams and drafts that cannot be sealed, and what has to be renewed."""

from collections.abc import Iterable
from dataclasses import dataclass

from broker.streams import intel_stream
from node.answers import error_catalogue
from node.answers.plain_json import TimeMs
from node.errors import UsageError
from node.runtime.home import Home
from node.runtime.renewals import certificate_of, renewals
from node.store.set_aside import SetAsideDraft
from node.store.stream_findings import StreamFinding
from node.trust.document_files import read_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingStatus:
    """A finding that still stands."""

    code: str
    originator: str
    stream: str
    sequence: int | None
    position: int | None
    remedy: str | None
    """What an operator can do, from the catalogue of errors."""


def shown_findings(
    findings: Iterable[StreamFinding], drafts: Iterable[SetAsideDraft], node: str
) -> tuple[FindingStatus, ...]:
    """The findings of the store; then those about the own drafts that were set aside, one for each stream."""
    of_drafts = [
        StreamFinding(
            code="draft_set_aside", originator=node, stream=intel_stream(region), sequence=None, position=None
        )
        for region in dict.fromkeys(draft.region for draft in drafts)
    ]
    return tuple(
        FindingStatus(
            code=finding.code,
            originator=finding.originator,
            stream=finding.stream,
            sequence=finding.sequence,
            position=finding.position,
            remedy=error_catalogue.remedy(finding.code),
        )
        for finding in (*findings, *of_drafts)
    )


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
