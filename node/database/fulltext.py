"""Full-text search: which messages contain these words. This is FTS5; another database needs its own module.

It ignores case and accents. Every word of the query must occur. Words are taken literally, so that a query cannot use
the operators of the index.
"""

from sqlalchemy import ColumnElement, Select, TextClause, literal_column, select, table, text

_fts = table("message_fts")


def matching(words: str) -> Select[int]:
    """The ids of the messages that contain every word of `words`; none for a text without a word."""
    quoted = " ".join('"' + word.replace('"', '""') + '"' for word in words.replace("\x00", " ").split())
    condition: TextClause = text("message_fts MATCH :words").bindparams(words=quoted or '""')
    rowid: ColumnElement[int] = literal_column("rowid")
    return select(rowid).select_from(_fts).where(condition)
