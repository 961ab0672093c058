"""Imports a file by a mapping: makes drafts of its rows, passes them on in chunks, and reports the result of each row.

It reads the file and stores nothing: the caller passes the publishing service as `accept_many`.

Rules:
- A row of another node is counted and skipped; that node imports it.
- A row is accepted, a duplicate or refused. A refused row names the fields and the reasons, and the import continues.
- Results come in the order of the file.
- The report id comes from the mapping's key columns, so a second import of the file accepts nothing.
- One chunk is in memory at a time, and `accept_many` finishes it before the next is read.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, Protocol, TypeVar

from broker.topology import Topology
from node.reports.map_row import node_of, report_of, values_of
from node.reports.mapping import EVERY_COLUMN, check_columns, row_format
from node.reports.report_ids import report_id_of_key
from node.reports.row_files import Row, columns, read_rows
from node.reports.validate import ReportRefused, validate
from node.stages import Draft
from schemas.field_errors import FieldError
from schemas.types import Mapping

CHUNK_ROWS: Final = 500  # one transaction each; with fewer than some hundred rows, fsync is most of its cost


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file, its mapping and the node that imports it."""

    path: Path
    mapping: Mapping
    originator: str
    topology: Topology


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedRow:
    """A row of this node: its draft, or its errors."""

    row: int
    """Number of the data row, from 1."""

    line: int
    """Line of the file where the row begins."""

    draft: Draft | None
    errors: tuple[FieldError, ...]


class PublishResult(Protocol):
    """The result of the publishing service for one draft."""

    @property
    def outcome(self) -> str:
        """accepted, duplicate or refused."""
        ...


ResultT = TypeVar("ResultT", bound=PublishResult)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedRow(Generic[ResultT]):
    """The result of a row of this node."""

    mapped: MappedRow
    result: ResultT | None
    """None if no draft could be made of the row."""

    @property
    def outcome(self) -> str:
        """accepted, duplicate or refused."""
        return "refused" if self.result is None else self.result.outcome


@dataclass(slots=True, kw_only=True)
class Counts:
    """The counts of an import; `read` is the sum of the others."""

    read: int = 0
    accepted: int = 0
    duplicate: int = 0
    refused: int = 0
    not_selected: int = 0

    def add(self, outcome: str) -> None:
        """Count a row of this node."""
        self.read += 1
        self.accepted += outcome == "accepted"
        self.duplicate += outcome == "duplicate"
        self.refused += outcome == "refused"


def open_source(source: Source) -> None:
    """Check the file. Raises `UsageError` if it is not readable or lacks a column that the mapping names."""
    check_columns(source.mapping, columns(source.path, row_format(source.mapping)), file=str(source.path))


def mapped_rows(source: Source, *, now_ms: int) -> Iterator[MappedRow | None]:
    """Each row of the file in order; None for a row of another node."""
    for row in read_rows(source.path, row_format(source.mapping)):
        yield _mapped(source, row, now_ms)


async def import_rows(
    source: Source,
    accept_many: Callable[[Sequence[Draft]], Awaitable[Sequence[ResultT]]],
    *,
    clock: Callable[[], int],
    on_row: Callable[[ImportedRow[ResultT]], None],
    on_progress: Callable[[int], None],
) -> Counts:
    """Import the whole file. `on_row` gets each row of this node, `on_progress` the number of rows read so far.

    Raises what `accept_many` raises. Rows accepted before that stay accepted, and a second import continues after them.
    """
    open_source(source)
    counts = Counts()
    chunk: list[MappedRow] = []
    for mapped in mapped_rows(source, now_ms=clock()):
        if mapped is None:
            counts.read += 1
            counts.not_selected += 1
        else:
            chunk.append(mapped)
        if len(chunk) == CHUNK_ROWS:
            await _hand_in(chunk, accept_many, counts, on_row)
            chunk = []
            on_progress(counts.read)
    await _hand_in(chunk, accept_many, counts, on_row)
    on_progress(counts.read)
    return counts


async def _hand_in(
    chunk: Sequence[MappedRow],
    accept_many: Callable[[Sequence[Draft]], Awaitable[Sequence[ResultT]]],
    counts: Counts,
    on_row: Callable[[ImportedRow[ResultT]], None],
) -> None:
    drafts = [mapped.draft for mapped in chunk if mapped.draft is not None]
    results = iter(await accept_many(drafts) if drafts else ())
    for mapped in chunk:
        imported = ImportedRow(mapped=mapped, result=None if mapped.draft is None else next(results))
        counts.add(imported.outcome)
        on_row(imported)


def _mapped(source: Source, row: Row, now_ms: int) -> MappedRow | None:
    """The row after mapping and validation; None if it belongs to another node."""
    if row.error is not None:
        return MappedRow(row=row.number, line=row.line, draft=None, errors=(row.error,))
    mapping = source.mapping
    values = values_of(mapping, row.values)
    if mapping.select is not None and node_of(mapping, values) != source.originator:
        return None
    report, errors = report_of(mapping, values)
    if errors:
        return MappedRow(row=row.number, line=row.line, draft=None, errors=tuple(errors))
    try:
        draft = validate(
            report,
            originator=source.originator,
            topology=source.topology,
            now_ms=now_ms,
            resolve_references={},
            report_id=_report_id(source, row),
        )
    except ReportRefused as refused:
        return MappedRow(row=row.number, line=row.line, draft=None, errors=refused.errors)
    return MappedRow(row=row.number, line=row.line, draft=draft, errors=())


def _report_id(source: Source, row: Row) -> str | None:
    """The report id from the key columns of the file; None if the mapping has no key, so that the content decides."""
    mapping = source.mapping
    if not mapping.key:
        return None
    names = row.values if EVERY_COLUMN in mapping.key else mapping.key
    key_columns = {name: text for name in names if (text := row.values.get(name)) is not None}
    return report_id_of_key(source.originator, mapping.id, key_columns)
