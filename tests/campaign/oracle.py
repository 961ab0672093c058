"""What must hold after a campaign, computed from what was accepted, the agreements and what the stores have. Pure.

It imports nothing of the product, because a test cannot find an error that both share.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

Key = tuple[str, str]
"""Originator and report id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """An agreement: each party may send reports of one subject to each other."""

    name: str
    parties: frozenset[str]
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A report that an honest node accepted."""

    originator: str
    report_id: str
    subject: str
    at: int
    """In ms, by the true time: the clock of the node may be wrong, and what it accepts is sealed when it is right."""

    expires_at: int | None = None
    """In ms, if the report expires during the campaign: then no node shows it any more."""

    @property
    def key(self) -> Key:
        """What identifies it."""
        return self.originator, self.report_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a store keeps that others can fill, counted from its rows: rows and bytes, and the most it may have."""

    node: str
    name: str
    """Originator and budget."""

    rows: int
    size: int
    rows_max: int
    size_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A process that ended by itself."""

    node: str
    code: int
    reason: str


def entitled(report: Accepted, agreed: Collection[Agreed], stopped: Mapping[str, int]) -> frozenset[str]:
    """Who must hold a report: its originator, and the other parties of each agreement that covers it.

    `stopped` has the time in ms from which an agreement is not in force any more.
    """
    found = {report.originator}
    for agreement in agreed:
        in_force = agreement.name not in stopped or report.at < stopped[agreement.name]
        if agreement.subject == report.subject and report.originator in agreement.parties and in_force:
            found |= agreement.parties
    return frozenset(found)


def wrong_holdings(
    accepted: Sequence[Accepted],
    held: Mapping[str, Sequence[Key]],
    agreed: Collection[Agreed],
    stopped: Mapping[str, int],
    now: int,
) -> list[str]:
    """What is missing, held twice, or held by a node that is not entitled; `held` has the reports of each node."""
    wrong = []
    times = {node: Counter(keys) for node, keys in held.items()}
    for report in accepted:
        expired = report.expires_at is not None and report.expires_at <= now
        must = frozenset[str]() if expired else entitled(report, agreed, stopped)
        for node, count in times.items():
            want = 1 if node in must else 0
            if count[report.key] != want:
                what = f"{report.originator}'s report {report.report_id} ({report.subject})"
                wrong.append(f"{node} holds {what} {count[report.key]} times instead of {want}")
    return wrong


def wrong_quotas(kept: Collection[Kept]) -> list[str]:
    """What is above its quota."""
    return [
        f"{part.node} keeps {part.rows} rows and {part.size} bytes of {part.name}; at most {part.rows_max} and "
        f"{part.size_max} are allowed"
        for part in kept
        if part.rows > part.rows_max or part.size > part.size_max
    ]


def wrong_ends(ended: Collection[Ended]) -> list[str]:
    """Processes that ended by a fault of the program."""
    return [f"{end.node} exited with {end.code}: {end.reason}" for end in ended if end.code == 70]
