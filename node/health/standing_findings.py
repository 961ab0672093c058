"""The findings that `status` lists, and the problems that follow from them.

Findings are in the store, except those that follow from other rows: drafts that were set aside, and streams that the
NODE documents list and the log does not have.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from broker.streams import intel_stream, topic_of
from node.answers import error_catalogue
from node.health.problem import Problem, problem
from node.stages import StreamId
from node.store.set_aside import SetAsideDraft
from node.store.stream_findings import StreamFinding

NOT_READ: Final = "stream_not_read"
NO_PROBLEM: Final = frozenset({"out_of_order"})
"""Findings that keep no report from anybody."""

NOT_CAUGHT_UP: Final = frozenset({"originator_paused", NOT_READ})
"""While one of these stands, there are records that the node does not read."""

ALL_STREAMS: Final = "*"


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


def all_findings(
    stored: Iterable[StreamFinding], drafts: Iterable[SetAsideDraft], unread: Iterable[StreamId], node: str
) -> list[StreamFinding]:
    """The findings of the store; one for each own stream with drafts that were set aside; one for each of `unread`."""
    since: dict[str, int] = {}
    for draft in drafts:
        since[draft.region] = min(draft.since, since.get(draft.region, draft.since))
    of_drafts = [
        StreamFinding(
            code="draft_set_aside",
            originator=node,
            stream=intel_stream(region),
            sequence=None,
            position=None,
            found_at=found_at,
        )
        for region, found_at in since.items()
    ]
    of_streams = [
        StreamFinding(code=NOT_READ, originator=place.originator, stream=place.stream, sequence=None, position=None)
        for place in unread
    ]
    return [*stored, *of_drafts, *of_streams]


def shown_findings(findings: Iterable[StreamFinding]) -> tuple[FindingStatus, ...]:
    """The findings as `status` shows them."""
    return tuple(
        FindingStatus(
            code=finding.code,
            originator=finding.originator,
            stream=finding.stream,
            sequence=finding.sequence,
            position=finding.position,
            remedy=error_catalogue.remedy(finding.code),
        )
        for finding in findings
    )


def finding_problems(findings: Iterable[StreamFinding]) -> list[Problem]:
    """One problem for all findings of a code about a stream."""
    ordered = sorted((finding for finding in findings if finding.code not in NO_PROBLEM), key=_about)
    return [_problem(code, originator, stream, list(group)) for (code, originator, stream), group in _groups(ordered)]


def _about(finding: StreamFinding) -> tuple[str, str, str]:
    return finding.code, finding.originator, finding.stream


def _groups(ordered: Sequence[StreamFinding]) -> Iterable[tuple[tuple[str, str, str], Iterable[StreamFinding]]]:
    return groupby(ordered, key=_about)


def _problem(code: str, originator: str, stream: str, found: Sequence[StreamFinding]) -> Problem:
    meaning = error_catalogue.meaning(code) or code
    first = next((finding.sequence for finding in found if finding.sequence is not None), None)
    where = f"; the first at sequence {first}" if first is not None else ""
    number = f"; {len(found)} findings" if len(found) > 1 else ""
    return problem(
        code,
        originator if stream == ALL_STREAMS else topic_of(stream, originator),
        f"{meaning}{where}{number}",
        since=min((finding.found_at for finding in found if finding.found_at is not None), default=None),
    )
