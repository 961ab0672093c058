"""Stores of earlier revisions are brought up to date with their data."""

from pathlib import Path
from unittest.mock import patch

import pytest
from msgspec.structs import replace
from sqlalchemy import insert, select, text

from bench.large_reports import ReportTemplate, large_report
from node.database import fulltext, migrate
from node.database.access_tables import access_log
from node.database.engine import Store, Transaction
from node.database.record_tables import identifier, message, message_text
from node.database.statements import insert_rows
from schemas.avro import codec
from schemas.types import Identifier, IntelligenceReport
from tests.support import postgres

NOW = 1_790_000_000_000
MESSAGES = 3
COLUMNS = (
    "id message_id originator stream sequence report_id created_at received_at expires_at agreement clause payload "
    "record"
)


def messages_of_revision_0005(db: Transaction) -> None:
    """Messages whose reports state countries, with identifiers that do not."""
    template = ReportTemplate("filled", NOW)
    for number in range(1, MESSAGES + 1):
        report = large_report(number)
        row = (number, bytes([number]) * 16, "BZ", "intel.filled", number, report.report_id, NOW, NOW, NOW, None, None)
        insert_rows(db, message, tuple(COLUMNS.split()), [(*row, template.payload(report), b"record")])
        for scheme, value, _ in report.identifiers():
            values = {"scheme": scheme, "value": value, "message": number}
            db.execute(text("INSERT INTO identifier VALUES (:scheme, :value, :message)"), values)
    db.execute(text("INSERT INTO access_log (at, operation, actor, subject, detail) VALUES (1, 'X', 'ana', 's', 'd')"))


def test_the_revisions_are_one_chain_that_ends_at_the_revision_of_the_code() -> None:
    """Two migrations with one number would stop each store."""
    files = sorted((Path(migrate.__file__).parent / "migrations" / "versions").glob("v[0-9]*.py"))
    names = [file.name[1:5] for file in files]

    assert names == [f"{number:04}" for number in range(1, len(files) + 1)]
    assert names[-1] == migrate.REVISION


async def test_identifiers_get_the_countries_of_their_reports(tmp_path: Path) -> None:
    """The upgrade reads them from the stored reports, a thousand at a time; old entries of the access log stay."""
    url = f"sqlite:///{tmp_path / 'store.db'}"
    with patch.object(migrate, "REVISION", "0005"):
        old = await Store.open(url)
        await old.write(messages_of_revision_0005)
        await old.close()

    with patch("node.database.migrations.versions.v0006_countries_and_questions.MESSAGES_TOGETHER", 2):
        store = await Store.open(url)
    rows = await store.read(lambda db: db.execute(select(identifier)).all())
    [entry] = await store.read(lambda db: db.execute(select(access_log)).all())
    await store.close()

    wanted = {
        (scheme, value, number, country)
        for number in range(1, MESSAGES + 1)
        for scheme, value, country in large_report(number).identifiers()
    }
    assert {tuple(row) for row in rows} == wanted
    assert tuple(entry)[:-1] == (1, 1, "X", "ana", "s", "d", None, None, None, None)


PLATE, FOLDED_PLATE = "\u0410123\u0412\u0421", "A123BC"


def put_messages(db: Transaction, *payloads: bytes) -> None:
    """Messages 1, 2, … with these payloads, and a text that an earlier version indexed."""
    for number, payload in enumerate(payloads, start=1):
        row = (number, bytes([number]) * 16, "BZ", "intel.filled", number, f"r{number}", NOW, NOW, NOW, None, None)
        insert_rows(db, message, tuple(COLUMNS.split()), [(*row, payload, b"record")])
        db.execute(insert(message_text), {"message": number, "text": "as it was"})


def found_by(db: Transaction, *questions: str) -> list[list[int]]:
    """The messages that each question finds."""
    found = []
    for words in questions:
        table, id_, conditions = fulltext.matching(db.dialect.name, words)
        found.append(list(db.execute(select(id_).select_from(table).where(*conditions).order_by(id_)).scalars()))
    return found


def messages_of_revision_0013(db: Transaction) -> None:
    """A report with a plate in Cyrillic letters, as earlier versions indexed it, and one that nobody can read."""
    report = codec.decode(IntelligenceReport, ReportTemplate("filled", NOW).payload(large_report(1)))
    plate = Identifier(scheme="PLATE", value=PLATE, country=None)
    report = replace(
        report,
        narrative=replace(report.narrative, text="Stra\u00dfe nach \u0141\u00f3d\u017a"),
        entities=(replace(report.entities[0], identifiers=(plate,)),),
        connections=(),
    )
    put_messages(db, codec.encode(report), b"damaged")
    insert_rows(db, identifier, ("scheme", "value", "message", "country"), [("PLATE", PLATE, 1, "")])


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_words_and_keys_are_folded_in_a_store_that_has_reports(database: str, tmp_path: Path) -> None:
    """A report that was stored before is found as one that arrives now; a damaged one does not stop the upgrade."""
    url = f"sqlite:///{tmp_path / 'store.db'}" if database == "sqlite" else postgres.database(empty=True)
    with patch.object(migrate, "REVISION", "0013"):
        old = await Store.open(url)
        await old.write(messages_of_revision_0013)
        await old.close()

    with patch("node.database.migrations.versions.v0014_folded_words.MESSAGES_TOGETHER", 1):
        store = await Store.open(url)

    def look(db: Transaction) -> tuple[list[str], list[list[int]]]:
        keys = db.execute(select(identifier.c.value).where(identifier.c.scheme == "PLATE")).scalars().all()
        return list(keys), found_by(db, "strasse lodz", FOLDED_PLATE, PLATE, "as it was")

    keys, found = await store.read(look)
    await store.write(lambda db: db.execute(text("DELETE FROM message_text")))
    await store.close()

    assert keys == [FOLDED_PLATE]
    assert found == [[1], [1], [1], [2]]


def messages_of_revision_0024(db: Transaction) -> None:
    """Reports that name O'CONNOR, as earlier versions indexed them; the second one is damaged."""
    report = codec.decode(IntelligenceReport, ReportTemplate("filled", NOW).payload(large_report(1)))
    name = Identifier(scheme="NAME", value="O'CONNOR", country=None)
    report = replace(report, entities=(replace(report.entities[0], identifiers=(name,)),), connections=())
    put_messages(db, codec.encode(report), b"damaged", codec.encode(report))
    keys = [("NAME", "O CONNOR", number, "") for number in (1, 2, 3)]
    insert_rows(db, identifier, ("scheme", "value", "message", "country"), keys)


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_names_are_found_without_spaces_in_a_store_that_has_reports(database: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}" if database == "sqlite" else postgres.database(empty=True)
    with patch.object(migrate, "REVISION", "0024"):
        old = await Store.open(url)
        await old.write(messages_of_revision_0024)
        await old.close()

    with patch("node.database.migrations.versions.v0025_names_without_spaces.MESSAGES_TOGETHER", 1):
        store = await Store.open(url)

    def look(db: Transaction) -> tuple[list[tuple[int, str]], list[list[int]]]:
        keys = db.execute(select(identifier.c.message, identifier.c.value).order_by(identifier.c.message)).all()
        return [(row.message, row.value) for row in keys], found_by(db, "oconnor", "O'Connor", "as it was")

    keys, found = await store.read(look)
    await store.close()

    assert keys == [(1, "OCONNOR"), (2, "O CONNOR"), (3, "OCONNOR")]
    assert found == [[1, 3], [1, 3], [2]]
