"""Where a search looks (node/store/message_search.py): the rows of an index that fit a value, and ranges of ids."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Exists, FromClause, bindparam, exists, select

from node.database import fulltext
from node.database.engine import Transaction
from node.database.fulltext import Conditions
from node.database.record_tables import BLOCK_SIZE, identifier, message, message_block, message_subject
from node.database.statements import rows_for
from node.reports.questions import Question


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterValue:
    """Rows of an index that fit one value of a filter: the index has them in the order of the messages' ids."""

    table: FromClause
    message: ColumnElement[int]
    """The id of the message."""

    conditions: Conditions

    def holds(self, message: ColumnElement[int]) -> Exists:
        """Whether a message fits."""
        return exists().select_from(self.table).where(*self.conditions, self.message == message)


Filter = Sequence[FilterValue]
"""The values of one filter; a message fits if it has one of them."""

EVERY_MESSAGE: Final[Filter] = (FilterValue(table=message, message=message.c.id, conditions=()),)


def filters_of(
    dialect: str,
    *,
    identifiers: Sequence[Question],
    texts: Sequence[str],
    originators: Sequence[str],
    subjects: Sequence[str],
) -> list[Filter]:
    """The filters that have values, those that are usually rare first. `dialect` is the name of the database."""
    found: list[Filter] = [
        [_of_identifier(question) for question in identifiers],
        [_of_text(dialect, text) for text in texts],
        [_of_column(message, message.c.id, message.c.originator, originator) for originator in originators],
        [
            _of_column(message_subject, message_subject.c.message, message_subject.c.subject, subject)
            for subject in subjects
        ],
    ]
    return [values for values in found if values]


def _of_identifier(asked: Question) -> FilterValue:
    conditions = [identifier.c.scheme == asked.scheme, identifier.c.value == asked.key]
    if asked.countries is not None:
        conditions.append(identifier.c.country.in_(asked.countries))
    return FilterValue(table=identifier, message=identifier.c.message, conditions=conditions)


def _of_text(dialect: str, text: str) -> FilterValue:
    table, id_, has_words = fulltext.matching(dialect, text)
    return FilterValue(table=table, message=id_, conditions=has_words)


def _of_column(table: FromClause, id_: ColumnElement[int], column: ColumnElement[str], value: str) -> FilterValue:
    return FilterValue(table=table, message=id_, conditions=[column == value])


_BLOCKS: Final = (
    select(message_block.c.block)
    .where(message_block.c.block >= bindparam("from_block"), message_block.c.created_max >= bindparam("since"))
    .order_by(message_block.c.block)
)
_LAST_ID: Final = 2**63 - 1


def id_ranges(db: Transaction, *, after: int, since: int | None) -> list[tuple[int, int]]:
    """Where to look: above the first id, to the second. Blocks without a message since the asked time are left out."""
    if since is None:
        return [(after, _LAST_ID)]
    ranges: list[tuple[int, int]] = []
    begin = end = after
    for row in rows_for(db, _BLOCKS, {"since": since, "from_block": after // BLOCK_SIZE}):
        first = row.block * BLOCK_SIZE - 1
        if first > end:
            if begin < end:
                ranges.append((begin, end))
            begin = max(first, after)
        end = first + BLOCK_SIZE
    return [*ranges, (begin, end)] if begin < end else ranges
