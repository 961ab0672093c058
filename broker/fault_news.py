"""Remembers what the answers of `fetch` reported without an entry, so that each fault ends a wait only once. Pure."""

from collections.abc import Iterable, Mapping

from broker.log import Fault, Fetched

Reported = tuple[int, Fault | None, int | None]
"""Position that was asked for, the fault there, and the position after what has no record."""


class FaultNews:
    """The faults and empty stretches that were reported."""

    def __init__(self) -> None:
        self._known: dict[str, Reported] = {}

    def is_news(self, fetched: Iterable[Fetched], positions: Mapping[str, int]) -> bool:
        """Whether `fetched` contains an entry, a new fault or a new `after`. Forgets the faults that have ended."""
        answers = list(fetched)
        reported: dict[str, Reported] = {
            answer.topic: (positions[answer.topic], answer.fault, answer.after)
            for answer in answers
            if answer.fault is not None or answer.after is not None
        }
        news = any(answer.entries for answer in answers) or any(
            self._known.get(topic) != report for topic, report in reported.items()
        )
        self._known = {topic: report for topic, report in self._known.items() if topic not in positions} | reported
        return news
