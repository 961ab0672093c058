"""Collects the findings of a replay in groups, so that neither memory nor answer grow with their number. Pure.

A group is a code in one stream; missing agreements are a group for each agreement. Rules:

- Of a group, the first KEPT_MAX findings are kept, the last one, and the number of all.
- Up to ALONE_MAX findings of a group stand alone in the answer. More become one item with its first and last place.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from node.audit.findings import Finding, FindingGroup

KEPT_MAX: Final = 100
ALONE_MAX: Final = 3
_BY_SUBJECT: Final = frozenset({"agreement_missing"})


@dataclass(slots=True)
class _Collected:
    count: int = 0
    kept: list[Finding] = field(default_factory=list)
    last: Finding | None = None


class FindingGroups:
    """Takes findings one by one."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, ...], _Collected] = {}

    def add(self, findings: Iterable[Finding]) -> None:
        """Add findings."""
        for finding in findings:
            subject = finding.expected or "" if finding.code in _BY_SUBJECT else ""
            group = self._groups.setdefault((finding.code, finding.originator, finding.stream, subject), _Collected())
            group.count += 1
            if len(group.kept) < KEPT_MAX:
                group.kept.append(finding)
            if group.last is None or order(finding) >= order(group.last):
                group.last = finding

    @property
    def kept(self) -> list[Finding]:
        """The findings that were kept, by topic and place."""
        return sorted((finding for group in self._groups.values() for finding in group.kept), key=_by_stream)

    @property
    def groups(self) -> list[FindingGroup]:
        """The items of the answer, by topic and place of their first finding."""
        return [group for _, group in sorted(self._items(), key=lambda item: item[0])]

    def _items(self) -> Iterator[tuple[tuple[str, int, int, str], FindingGroup]]:
        for group in self._groups.values():
            kept = sorted(group.kept, key=order)
            if group.count <= ALONE_MAX:
                yield from ((_by_stream(finding), _grouped(finding, finding, 1)) for finding in kept)
            elif group.last is not None:
                yield _by_stream(kept[0]), _grouped(kept[0], group.last, group.count)


def order(finding: Finding) -> tuple[int, int, str]:
    """The place of a finding in its stream."""
    return (finding.position or 0, finding.sequence or 0, finding.code)


def _by_stream(finding: Finding) -> tuple[str, int, int, str]:
    return (f"{finding.stream}.{finding.originator.lower()}", *order(finding))


def _grouped(first: Finding, last: Finding, count: int) -> FindingGroup:
    return FindingGroup(
        code=first.code,
        originator=first.originator,
        stream=first.stream,
        sequence=first.sequence,
        position=first.position,
        expected=first.expected,
        found=first.found,
        count=count,
        last_sequence=last.sequence,
        last_position=last.position,
    )
