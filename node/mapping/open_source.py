"""Opens a file to import and makes a draft of each row, or finds all its errors.

It reads the file and stores nothing. Rules:
- Columns are checked before the first row.
- All errors of a row come at once: those of its columns, and those of the report, each with its column.
- The report id comes from the mapping's key columns, else from the content.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from broker.topology import Topology
from node.mapping.cells import CellRules, Cells, key_text
from node.mapping.column_error import ColumnError
from node.mapping.join_files import columns_by_join, read_joins
from node.mapping.map_row import RowMapper
from node.mapping.named_columns import EVERY_COLUMN, check_columns, row_format
from node.mapping.row_test import row_test
from node.reports.report_ids import report_id_of_key
from node.reports.validate import ReportRefused, validate
from node.rows.read_rows import opened_rows, set_row_test
from node.rows.row import LineAccount, Row
from node.rows.source_file import SourceFile
from node.rows.text_encoding import fitting_encodings, is_clean
from node.rows.unreadable_cell import UnreadableCell
from node.stages import Draft
from schemas.field_errors import FieldError
from schemas.types import Mapping, MappingFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file, its mapping and the node that imports it."""

    path: Path
    mapping: Mapping
    folder: Path
    """Of the mapping: the files of its joins are relative to it."""

    originator: str
    topology: Topology
    every_node: bool = False
    """Map the rows of other nodes too, as reports of their nodes: for a check, not for an import."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedRow:
    """A row of this node: its draft, or its errors."""

    row: int
    """Number of the data row, from 1."""

    line: int
    """Line of the file where the row begins."""

    last_line: int
    """Line of the file where it ends."""

    draft: Draft | None
    errors: tuple[FieldError, ...]


class OpenSource:
    """A file whose columns are checked, with the rules for its cells."""

    def __init__(self, source: Source) -> None:
        """Raises `UsageError` if a file is not readable or lacks a column that the mapping names."""
        mapping = source.mapping
        self.source = source
        self.file = SourceFile(path=source.path, format=row_format(mapping))
        joins = read_joins(mapping, source.folder)
        check_columns(mapping, self.file, columns_by_join(joins))
        self._rules = CellRules(
            nulls=frozenset(mapping.null),
            nulls_of={column: frozenset(texts) for column, texts in mapping.nulls.items()},
            joins=joins,
            nested=mapping.format in (MappingFormat.json, MappingFormat.ndjson),
        )
        self._mapper = RowMapper(mapping)
        self._encodings: list[str] | None = None

    def rows(self, account: LineAccount, *, now_ms: int) -> Iterator[MappedRow | None]:
        """Each row of the file in order; None for a row of another node."""
        with opened_rows(self.file, account) as rows:
            set_row_test(rows, row_test(self.source.mapping, rows.columns or ()))
            for row in rows:
                yield self._mapped(row, now_ms)

    def _mapped(self, row: Row, now_ms: int) -> MappedRow | None:
        """The row after mapping and validation; None if it belongs to another node."""
        if row.error is not None:
            return self._refused(row, (row.error,))
        source = self.source
        cells = Cells(self._rules, row.values, clean=row.clean)
        try:
            node = source.originator if source.mapping.select is None else self._mapper.node_of(cells)
            if node is None or (node != source.originator and not source.every_node):
                return None
            report_id = self._report_id(row)
        except ColumnError as error:
            return self._refused(row, (FieldError(path="", code=error.code, message=error.message),))
        made = self._mapper.report_of(cells)
        try:
            draft = validate(
                made.report,
                originator=node,
                topology=source.topology,
                now_ms=now_ms,
                resolve_references={},
                report_id=report_id,
                known_errors=made.errors,
            )
        except ReportRefused as refused:
            return self._refused(row, made.with_columns(refused.errors))
        return MappedRow(row=row.number, line=row.line, last_line=row.last_line, draft=draft, errors=())

    def _refused(self, row: Row, errors: Sequence[FieldError]) -> MappedRow:
        named = tuple(map(self._with_encodings, errors))
        return MappedRow(row=row.number, line=row.line, last_line=row.last_line, draft=None, errors=named)

    def _with_encodings(self, error: FieldError) -> FieldError:
        """An error about the encoding also names the encodings that fit the file."""
        if error.code != "encoding_wrong":
            return error
        if self._encodings is None:
            self._encodings = fitting_encodings(self.source.path, self.file.format.encoding)
        fitting = f"; these encodings fit the file: {', '.join(self._encodings)}" if self._encodings else ""
        return FieldError(path=error.path, code=error.code, message=error.message + fitting)

    def _report_id(self, row: Row) -> str | None:
        """The report id from the key columns of the file; None if the mapping has no key: then the content decides."""
        mapping = self.source.mapping
        if not mapping.key:
            return None
        names = row.values if EVERY_COLUMN in mapping.key else mapping.key
        key_columns = {name: text for name in names if (text := key_text(row.values, name)) is not None}
        if any(isinstance(text, UnreadableCell) for text in key_columns.values()):
            raise ColumnError("cell_unreadable", "a key column has a value that the file does not store")
        if not row.clean and not all(map(is_clean, key_columns.values())):
            raise ColumnError(
                "encoding_wrong", "a key column has bytes that are not valid in the encoding of the mapping"
            )
        return report_id_of_key(self.source.originator, mapping.id, key_columns)
