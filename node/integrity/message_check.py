"""Checks the messages against their payloads: the columns, and the indexes by which the messages are found.

Messages and index rows are read in the order of the message and merged, so the memory holds a few messages. No finding
shows a subject, an identifier or a text: it names the row and the numbers.
"""

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Column, Row, Select, select, text

from broker.streams import region_of
from node.database import fulltext
from node.database.engine import Transaction
from node.database.record_tables import identifier, message, message_subject, message_text
from node.integrity.finding_types import FindingCode, Findings, key_of
from node.integrity.row_streams import Ordered, rows_of
from node.reports.search_terms import SearchTerms
from node.verification.kinds import kind_of, read_stored
from schemas.avro.codec import BadMessage

_MESSAGES: Final = select(
    message.c.id,
    message.c.originator,
    message.c.stream,
    message.c.sequence,
    message.c.report_id,
    message.c.created_at,
    message.c.payload,
    message.c.expires_at,
    message.c.erased_at,
).order_by(message.c.id)
INDEXES: Final = (message_subject.name, identifier.name, message_text.name)


def check_messages(db: Transaction, findings: Findings) -> None:
    """Check each message and its rows in the indexes."""
    indexes = {
        name: Ordered(_rows(db, statement))
        for name, statement in (
            (message_subject.name, _index(message_subject.c.message, message_subject.c.subject)),
            (
                identifier.name,
                _index(identifier.c.message, identifier.c.scheme, identifier.c.value, identifier.c.country),
            ),
            (message_text.name, _index(message_text.c.message, message_text.c.text)),
        )
    }
    for row in rows_of(db, _MESSAGES):
        found = {
            name: [value for id_, value in rows.below(row.id + 1) if id_ == row.id] for name, rows in indexes.items()
        }
        terms = _terms(row, findings) if row.erased_at is None else _after_erasure(row, findings)
        if terms is not None:
            _compare_index(row, terms, found, findings)


def _index(of: Column[Any], *values: Column[Any]) -> Select[Any]:
    return select(of, *values).order_by(of)


def _rows(db: Transaction, statement: Select[Any]) -> Iterator[tuple[int, tuple[Any, ...]]]:
    for row in rows_of(db, statement):
        yield row[0], tuple(row[1:])


def _terms(row: Row[Any], findings: Findings) -> SearchTerms | None:
    """What the indexes must hold about a message; None if its payload cannot be read, which is a finding."""
    key = key_of(row.originator, row.stream, row.sequence)
    try:
        content = read_stored(row.payload)
    except BadMessage as error:
        findings.report(FindingCode.PAYLOAD_DIFFERS, "message", key, expected="a report", found=error.reason)
        return None
    kind = kind_of(content)
    terms = kind.search_terms(content) if kind.search_terms is not None else None
    if terms is None or kind.region_of is None:
        return None
    compared = (
        ("report_id", row.report_id, terms.report_id),
        ("created_at", row.created_at, terms.created_at),
        ("region", region_of(row.stream), kind.region_of(content)),
    )
    for name, expected, found in compared:
        if expected != found:
            findings.report(
                FindingCode.PAYLOAD_DIFFERS, "message", key, expected=f"{name} {expected}", found=f"{name} {found}"
            )
    return terms


def _after_erasure(row: Row[Any], findings: Findings) -> SearchTerms:
    """What the indexes must hold about a message whose content was erased: nothing. It has no payload any more."""
    key = key_of(row.originator, row.stream, row.sequence)
    if row.payload:
        found = f"{len(row.payload)} bytes"
        findings.report(FindingCode.PAYLOAD_DIFFERS, "message", key, expected="no payload: it was erased", found=found)
    if row.erased_at < row.expires_at:
        expected, found = f"an erasure at {row.expires_at} or later", str(row.erased_at)
        findings.report(FindingCode.PAYLOAD_DIFFERS, "message", key, expected=expected, found=found)
    nothing: frozenset[Any] = frozenset()
    return SearchTerms(
        report_id=row.report_id, created_at=row.created_at, subjects=nothing, match_keys=nothing, text=""
    )


def _compare_index(
    row: Row[Any], terms: SearchTerms, found: dict[str, list[tuple[Any, ...]]], findings: Findings
) -> None:
    wanted: dict[str, set[tuple[Any, ...]]] = {
        message_subject.name: {(subject,) for subject in terms.subjects},
        identifier.name: set(terms.match_keys),
        message_text.name: {(fulltext.stored_form(terms.text),)} if row.erased_at is None else set(),
    }
    for name, expected in wanted.items():
        here = set(found[name])
        if here != expected:
            findings.report(
                FindingCode.INDEX_DIFFERS,
                name,
                key_of(row.originator, row.stream, row.sequence),
                expected=f"the {len(expected)} of the payload",
                found=f"{len(expected - here)} missing, {len(here - expected)} of no payload",
            )


def check_full_text(db: Transaction, findings: Findings) -> None:
    """Report each message whose text is not in the full-text index, and each entry of the index without a text."""
    if db.dialect.name != "sqlite":
        return
    for statement, expected, found in (
        ("SELECT message FROM message_text EXCEPT SELECT id FROM message_fts_docsize", "an entry", "nothing"),
        ("SELECT id FROM message_fts_docsize EXCEPT SELECT message FROM message_text", "nothing", "an entry"),
    ):
        for (id_,) in db.execute(text(f"{statement} LIMIT 1000")):
            findings.report(FindingCode.INDEX_DIFFERS, "message_fts", key_of(id_), expected=expected, found=found)
