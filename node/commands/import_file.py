"""`import`: hands in the rows of another system's file through a mapping.

Each row of this node has one line in the report file, with the answer of `publish`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from node.answers.plain_json import presentable
from node.commands.publish import ItemAnswer, accepted_item, draft_warnings, refused_item
from node.exchange.publish import Acceptance
from node.files import new_text_file, read_text
from node.reports.import_rows import ImportedRow, Source, import_rows
from node.reports.mapping import load
from node.runtime.open_node import OpenIntake


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


async def import_file(
    intake: OpenIntake,
    mapping: Path,
    file: Path,
    *,
    actor: str,
    report: Path | None = None,
    dry_run: bool = False,
    on_progress: Callable[[int], None] = lambda _: None,
) -> ImportAnswer:
    """Import `file` by `mapping`; `on_progress` gets the number of rows that were read so far. Raises UsageError."""
    source = Source(
        path=file,
        mapping=load(read_text(mapping, pipe=True), file=str(mapping)),
        originator=intake.home.node,
        topology=intake.home.topology,
    )
    with _report_lines(report) as write:

        def on_row(row: ImportedRow[Acceptance]) -> None:
            write({"row": row.mapped.row, **presentable(_answer(intake, row))})

        counts = await import_rows(
            source,
            lambda drafts: intake.publisher.accept(drafts, actor=actor, dry_run=dry_run),
            clock=intake.clock,
            on_row=on_row,
            on_progress=on_progress,
        )
    return ImportAnswer(
        read=counts.read,
        accepted=counts.accepted,
        duplicate=counts.duplicate,
        refused=counts.refused,
        not_selected=counts.not_selected,
        report=report,
    )


def _answer(intake: OpenIntake, row: ImportedRow[Acceptance]) -> ItemAnswer:
    line, result, draft = row.mapped.line, row.result, row.mapped.draft
    if result is None or draft is None:
        return refused_item(line, row.mapped.errors)
    return accepted_item(line, result, draft_warnings(intake, draft))


@contextmanager
def _report_lines(report: Path | None) -> Iterator[Callable[[dict[str, Any]], None]]:
    """A function that writes one NDJSON line to the report file; without a file it does nothing."""
    if report is None:
        yield lambda _: None
        return
    with new_text_file(report) as file:

        def write(line: dict[str, Any]) -> None:
            file.write(msgspec.json.encode(line).decode() + "\n")

        yield write
