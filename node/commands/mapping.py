"""`mapping check` and `mapping new`: explain a mapping, show the first rows as reports, draft a mapping for a file.

Neither needs a home, a store or a bus, and neither writes anything.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

from broker.topology import Topology
from node.errors import UsageError
from node.files import read_text
from node.mapping.check_mapping import problems
from node.mapping.describe_mapping import FieldSource, describe
from node.mapping.draft_mapping import draft_mapping
from node.mapping.load_mapping import parse
from node.mapping.open_source import MappedRow, OpenSource, Source
from node.mapping.unfilled_places import UnfilledPlace, unfilled_places
from node.reports.plausibility import FieldWarning, warnings_of
from node.rows.guess_format import guess_format
from node.rows.row import LineAccount
from schemas.field_errors import FieldError
from schemas.json_form import json_values
from schemas.types import Mapping

ROWS_EXPLAINED_MAX: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingProblem:
    """Something that is wrong with a mapping, or with a file that it does not fit."""

    path: str | None
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedRow:
    """A row as the report that `import` would accept, or with the reasons why it would refuse it."""

    row: int
    line: int
    last_line: int
    outcome: str
    """report or refused."""

    report: dict[str, Any] | None
    errors: tuple[FieldError, ...]
    warnings: tuple[FieldWarning, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingCheck:
    """What a mapping does, what is wrong with it, and what becomes of the first rows."""

    problems: tuple[MappingProblem, ...]
    fields: tuple[FieldSource, ...]
    rows: tuple[ExplainedRow, ...]
    fill_in: tuple[UnfilledPlace, ...] = ()
    """Where a drafted mapping still says FILL_IN."""

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems and not self.fill_in and all(row.report is not None for row in self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingDraft:
    """A draft, and what its check says."""

    mapping: str
    """The TOML of the mapping."""

    problems: tuple[MappingProblem, ...]
    fields: tuple[FieldSource, ...]
    rows: tuple[ExplainedRow, ...]


def check(mapping: Path, file: Path | None, *, node: str, topology: Topology, now_ms: int) -> MappingCheck:
    """Check a mapping, and show the first rows of a file as reports of `node`. Raises UsageError for an unread file.

    Where the mapping has [select], a row is shown as a report of the node that it belongs to.
    """
    text = read_text(mapping)
    found = _checked(text, str(mapping), mapping.parent, file, node, topology, now_ms)
    return replace(found, fill_in=tuple(unfilled_places(text)))


def new(file: Path, *, node: str, topology: Topology, now_ms: int) -> MappingDraft:
    """Draft a mapping for a file. Raises UsageError."""
    today = datetime.fromtimestamp(now_ms / 1000, UTC).date()
    text = draft_mapping(file, guess_format(file), today)
    found = _checked(text, "the draft", file.parent, file, node, topology, now_ms)
    return MappingDraft(mapping=text, problems=found.problems, fields=found.fields, rows=found.rows)


def _checked(
    text: str, name: str, folder: Path, file: Path | None, node: str, topology: Topology, now_ms: int
) -> MappingCheck:
    try:
        mapping = parse(text, file=name)
    except UsageError as error:
        return MappingCheck(problems=(_problem(error),), fields=(), rows=())
    found = tuple(map(_problem, problems(mapping)))
    rows: tuple[ExplainedRow, ...] = ()
    if not found and file is not None:
        source = Source(path=file, mapping=mapping, folder=folder, originator=node, topology=topology, every_node=True)
        try:
            rows = _explained(source, now_ms)
        except UsageError as error:
            if error.code == "file_unreadable" and error.path == str(file):
                raise
            found = (_problem(error),)
    return MappingCheck(problems=found, fields=_described(mapping), rows=rows)


def _described(mapping: Mapping) -> tuple[FieldSource, ...]:
    return tuple(describe(mapping))


def _explained(source: Source, now_ms: int) -> tuple[ExplainedRow, ...]:
    rows = OpenSource(source).rows(LineAccount(), now_ms=now_ms)
    first = islice((row for row in rows if row is not None), ROWS_EXPLAINED_MAX)
    return tuple(_row(row, source.originator, now_ms) for row in first)


def _row(mapped: MappedRow, node: str, now_ms: int) -> ExplainedRow:
    draft = mapped.draft
    return ExplainedRow(
        row=mapped.row,
        line=mapped.line,
        last_line=mapped.last_line,
        outcome="refused" if draft is None else "report",
        report=None if draft is None else json_values.to_json(draft.report),
        errors=mapped.errors,
        warnings=() if draft is None else warnings_of(draft.report, originator=node, now_ms=now_ms),
    )


def _problem(error: UsageError) -> MappingProblem:
    message = f"{error.message}; {error.hint}" if error.hint else error.message
    return MappingProblem(path=error.path, code=error.code, message=message)
