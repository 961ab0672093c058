"""Imports a file by a mapping: makes drafts of its rows, passes them on in chunks, and reports the result of each row.

It reads the file and stores nothing: the caller passes the publishing service as `accept_many`.

Rules:
- A row of another node is counted and skipped; that node imports it.
- All errors of a row come at once: those of its columns, and those of the report.
- A row is accepted, a duplicate or refused. A refused row names the fields and the reasons, and the import continues.
- Results come in the order of the file.
- The report id comes from the mapping's key columns, so a second import of the file accepts nothing.
- One chunk is in memory at a time, and `accept_many` finishes it before the next is read.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, Protocol, TypeVar

from node.mapping.open_source import MappedRow, OpenSource, Source
from node.rows.row import LineAccount
from node.stages import Draft

CHUNK_ROWS: Final = 500  # one transaction each; with fewer than some hundred rows, fsync is most of its cost


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
    lines: LineAccount = field(default_factory=LineAccount)

    def add(self, outcome: str) -> None:
        """Count a row of this node."""
        self.read += 1
        self.accepted += outcome == "accepted"
        self.duplicate += outcome == "duplicate"
        self.refused += outcome == "refused"


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
    opened = OpenSource(source)
    counts = Counts()
    chunk: list[MappedRow] = []
    for mapped in opened.rows(counts.lines, now_ms=clock()):
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
