"""What the health requests answer: problems without the details that only callers with a token may see.

The message and the hint of a problem are those of the catalogue of errors. Reasons of the system, which may name files
and addresses, are in the log and in `status`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from node.answers import error_catalogue
from node.health.problem import Problem


@dataclass(slots=True)
class ProblemTimes:
    """Since when this process sees each problem."""

    since: dict[tuple[str, str], int] = field(default_factory=dict)

    def problems(self, found: Mapping[tuple[str, str], int | None], now: int) -> tuple[Problem, ...]:
        """The problems for (code, subject) -> since when, in ms; None: since this process sees it."""
        self.since = {name: begun or self.since.get(name, now) for name, begun in found.items()}
        return tuple(
            Problem(
                code=code,
                since=since,
                subject=subject,
                message=error_catalogue.meaning(code) or code,
                hint=error_catalogue.remedy(code),
            )
            for (code, subject), since in sorted(self.since.items())
        )
