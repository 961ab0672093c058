"""The full-text port: which messages hold these words. FTS5 here; another database brings another module.

Ignores case and accents. Every word of the query must occur; words are taken literally, so no operator of the index
can be reached from outside.
"""

from sqlalchemy import ColumnElement, Select, TextClause, literal_column, select, table, text

_fts = table("message_fts")


def matching(words: str) -> Select[int]:
    """The message ids whose texts hold every word of `words`; none if there is no word."""
    quoted = " ".join('"' + word.replace('"', '""') + '"' for word in words.replace("\x00", " ").split())
    condition: TextClause = text("message_fts MATCH :words").bindparams(words=quoted or '""')
    rowid: ColumnElement[int] = literal_column("rowid")
    return select(rowid).select_from(_fts).where(condition)
