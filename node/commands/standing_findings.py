"""The findings that `status` lists: about streams, and about drafts that cannot be sealed."""

from collections.abc import Iterable
from dataclasses import dataclass

from broker.streams import intel_stream
from node.answers import error_catalogue
from node.store.set_aside import SetAsideDraft
from node.store.stream_findings import StreamFinding


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
