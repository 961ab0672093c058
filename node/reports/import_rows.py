"""Imports a file by a mapping: rows to drafts, in chunks to whoever accepts them, an account of every row.

Reads the file; it stores nothing: `accept_many` is the publishing service's. One bad row stops nobody.

Rules:
- A row of another node is counted and left alone; it is that node's to import.
- A row is accepted, a duplicate or refused, and says why with the field; rows are reported in the order of the file.
- The report id comes from the mapping's key columns, so a file imported again accepts nothing.
- `accept_many` has a chunk at a time and is waited for: memory is bounded whatever the file.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, Protocol, TypeVar

from broker.topology import Topology
from node.reports.map_row import node_of, report_of, values_of
from node.reports.mapping import EVERY_COLUMN, check_columns, shape_of
from node.reports.row_files import Row, columns, read_rows
from node.reports.validate import ReportRefused, report_id_of_key, validate
from node.stages import Draft
from schemas.field_errors import FieldError
from schemas.types import Mapping

CHUNK_ROWS: Final = 500  # one transaction each: below some hundred rows its cost is the fsync


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file, how to read it, and for whom."""

    path: Path
    mapping: Mapping
    originator: str
    topology: Topology


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedRow:
    """A row that is ours: a draft, or what is wrong with it."""

    row: int
    """Number of the data row, from 1."""

    line: int
    """Where it begins in the file."""

    draft: Draft | None
    errors: tuple[FieldError, ...]


class PublishResult(Protocol):
    """What the publishing service says of a draft."""

    @property
    def outcome(self) -> str:
        """accepted, duplicate or refused."""
        ...


ResultT = TypeVar("ResultT", bound=PublishResult)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedRow(Generic[ResultT]):
    """What became of a row."""

    mapped: MappedRow
    result: ResultT | None
    """None if the row did not become a draft."""

    @property
    def outcome(self) -> str:
        """accepted, duplicate or refused."""
        return "refused" if self.result is None else self.result.outcome


@dataclass(slots=True, kw_only=True)
class Counts:
    """The account of an import; read is the sum of the others."""

    read: int = 0
    accepted: int = 0
    duplicate: int = 0
    refused: int = 0
    not_selected: int = 0

    def add(self, outcome: str) -> None:
        """Count a row of ours."""
        self.read += 1
        self.accepted += outcome == "accepted"
        self.duplicate += outcome == "duplicate"
        self.refused += outcome == "refused"


def open_source(source: Source) -> None:
    """Raises `UsageError` if the file can't be read or lacks a column that the mapping names."""
    check_columns(source.mapping, columns(source.path, shape_of(source.mapping)), file=str(source.path))


def mapped_rows(source: Source, *, now_ms: int) -> Iterator[MappedRow | None]:
    """Every row of the file in its order; None for one of another node."""
    for row in read_rows(source.path, shape_of(source.mapping)):
        yield _mapped(source, row, now_ms)


async def import_rows(
    source: Source,
    accept_many: Callable[[Sequence[Draft]], Awaitable[Sequence[ResultT]]],
    *,
    clock: Callable[[], int],
    on_row: Callable[[ImportedRow[ResultT]], None],
    on_progress: Callable[[int], None],
) -> Counts:
    """Imports the whole file. `on_row` has each row of ours, `on_progress` the number of rows read so far.

    Raises what `accept_many` raises: what was accepted before stays so, and importing again goes on from there.
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
    """What the mapping and intake make of a row."""
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
    """From the key columns, as they stand in the file; None leaves it to the content."""
    mapping = source.mapping
    if not mapping.key:
        return None
    names = row.values if EVERY_COLUMN in mapping.key else mapping.key
    columns_there = {name: text for name in names if (text := row.values.get(name)) is not None}
    return report_id_of_key(source.originator, mapping.id, columns_there)
