"""`import`: hands in the rows of another system's file through a mapping.

Each row of this node has one line in the report file, with the answer of `publish`.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from node.answers.plain_json import presentable
from node.commands.publish import ItemAnswer, accepted_item, draft_warnings, refused_item, service_errors
from node.files import new_text_file, read_text
from node.mapping.import_rows import Counts, ImportedRow, import_rows
from node.mapping.load_mapping import load
from node.mapping.open_source import MappedRow, Source
from node.reports.plausibility import FieldWarning
from node.rows.row import LineAccount
from node.runtime.open_intake import OpenIntake
from node.sending.publish import Acceptance
from schemas.field_errors import FieldError

ROWS_SHOWN_MAX: Final = 10  # refused rows, and rows with a warning, in the answer; the report file has all


@dataclass(frozen=True, slots=True, kw_only=True)
class RowNote:
    """An error or a warning of a row."""

    row: int
    line: int
    last_line: int
    path: str
    code: str
    message: str


@dataclass(slots=True, kw_only=True)
class _Notes:
    """The errors or warnings of the first rows that have any."""

    rows: int = 0
    first: list[RowNote] = field(default_factory=list)

    def add(self, row: MappedRow, found: Sequence[FieldError | FieldWarning]) -> None:
        if not found:
            return
        self.rows += 1
        if self.rows <= ROWS_SHOWN_MAX:
            self.first += [
                RowNote(
                    row=row.row,
                    line=row.line,
                    last_line=row.last_line,
                    path=note.path,
                    code=note.code,
                    message=note.message,
                )
                for note in found
            ]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportAnswer:
    """The number of rows that were read, and of each outcome."""

    read: int
    accepted: int
    duplicate: int
    refused: int
    not_selected: int
    report: Path | None
    """The file with a line for each row."""

    lines: LineAccount
    """The lines of the file: `total` is `header`, `blank` and the lines of the rows."""

    warned: int
    """Number of rows with a warning."""

    refusals: tuple[RowNote, ...]
    """What is wrong with the first rows that were refused."""

    warnings: tuple[RowNote, ...]
    """What looks wrong in the first rows with a warning."""


async def import_file(
    intake: OpenIntake,
    mapping: Path,
    file: Path,
    *,
    actor: str,
    report: Path | None = None,
    dry_run: bool = False,
    on_progress: Callable[[int], None] = lambda _: None,
    on_line: Callable[[dict[str, Any]], None] | None = None,
) -> ImportAnswer:
    """Import `file` by `mapping`; `on_progress` gets the number of rows that were read so far. Raises UsageError.

    `on_line` gets the lines in place of `report`.
    """
    source = Source(
        path=file,
        mapping=load(read_text(mapping, pipe=True), file=str(mapping)),
        folder=mapping.parent,
        originator=intake.home.node,
        topology=intake.topology(),
    )
    refusals, warnings = _Notes(), _Notes()
    with nullcontext(on_line) if on_line else _report_lines(report) as write:

        def on_row(row: ImportedRow[Acceptance]) -> None:
            errors, warned = _errors(row), _warnings(intake, row)
            refusals.add(row.mapped, errors)
            warnings.add(row.mapped, warned)
            if write is not None:
                write(_line(row, warned))

        counts = await import_rows(
            source,
            lambda drafts: intake.publisher.accept(drafts, actor=actor, dry_run=dry_run),
            clock=intake.clock,
            on_row=on_row,
            on_progress=on_progress,
        )
    return _account(counts, report, refusals, warnings)


def _account(counts: Counts, report: Path | None, refusals: _Notes, warnings: _Notes) -> ImportAnswer:
    return ImportAnswer(
        read=counts.read,
        accepted=counts.accepted,
        duplicate=counts.duplicate,
        refused=counts.refused,
        not_selected=counts.not_selected,
        report=report,
        lines=counts.lines,
        warned=warnings.rows,
        refusals=tuple(refusals.first),
        warnings=tuple(warnings.first),
    )


def _errors(row: ImportedRow[Acceptance]) -> Sequence[FieldError]:
    """What is wrong with a row; the service refuses a report whose id is known with other content."""
    return row.mapped.errors if row.result is None else service_errors(row.result)


def _warnings(intake: OpenIntake, row: ImportedRow[Acceptance]) -> tuple[FieldWarning, ...]:
    return () if row.mapped.draft is None else draft_warnings(intake, row.mapped.draft)


def _line(row: ImportedRow[Acceptance], warnings: tuple[FieldWarning, ...]) -> dict[str, Any]:
    """The line of a row in the report file."""
    plain = presentable(_answer(row, warnings))
    return {"row": row.mapped.row, "line": plain["line"], "last_line": row.mapped.last_line, **plain}


def _answer(row: ImportedRow[Acceptance], warnings: tuple[FieldWarning, ...]) -> ItemAnswer:
    if row.result is None:
        return refused_item(row.mapped.line, row.mapped.errors)
    return accepted_item(row.mapped.line, row.result, warnings)


@contextmanager
def _report_lines(report: Path | None) -> Iterator[Callable[[dict[str, Any]], None] | None]:
    """A function that writes one NDJSON line to the report file; None without a file."""
    if report is None:
        yield None
        return
    with new_text_file(report) as file:

        def write(line: dict[str, Any]) -> None:
            file.write(msgspec.json.encode(line).decode() + "\n")

        yield write
