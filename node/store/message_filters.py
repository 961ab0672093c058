"""The filters of a search (node/store/message_search.py): for each value the rows of an index that fit it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Exists, FromClause, exists

from node.database import fulltext
from node.database.fulltext import Conditions
from node.database.record_tables import identifier, message, message_subject
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
