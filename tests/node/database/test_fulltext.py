"""node/database/fulltext.py: which texts a query finds, the same on both databases."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from node.database import fulltext
from node.database.engine import Store, Transaction
from node.database.record_tables import message_text
from tests.support import postgres

TEXTS = (
    "A go-fast boat was seen off the cays.",
    "Prüfstelle Straße 12 in Gießen\nTEST18233B\n+5012232222",
    "Πλοίο από τον Πειραιά, Łódź",
    "密輸船を押収、서울에서",
    "fast go; gofaster",
    "shi\u00adpment of \ufb01ne caf\u00e9 to R\u00edo Hondo, mba\u02bce",
    "",
    "O'Neil \u0410123\u0412\u0421 \u0623\u062d\u0645\u064e\u062f",
    "x" * 3000,
)
QUERIES = {
    "boat": {0},
    "go-fast": {0},
    "go fast": {0, 4},
    "GO-FASTER": {4},
    "Strasse": {1},
    "giessen prufstelle": {1},
    "giessen boat": set(),
    "πλοιο": {2},
    "ΠΕΙΡΑΙΑ lodz": {2},
    "密輸": {3},
    "輸船": {3},
    "船": {3},
    "輸密": set(),
    "押収 서울": {3},
    "서울": {3},
    "shipment fine CAFE": {5},
    "shi\u00adpment": {5},
    "rio": {5},
    "mba'e": {5},
    "TEST-18 233/B": {1},
    "test18233b": {1},
    "+501 223-2222": {1},
    "501 223 2222": {1},
    "oneil": set(),
    "o\u2019neil": {7},
    "\u0627\u062d\u0645\u062f": {7},
    "\u0430123\u0432\u0441": {7},
    "boat*": {0},
    "boat OR cays": set(),
    "-": set(),
    "": set(),
    "' \" \\ % _ \x00": set(),
    "x" * 3000: {8},
    " ".join(["boat"] * 300): {0},
}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[int]]:
    """The texts that each query finds."""
    file: Path = tmp_path_factory.mktemp("store") / "store.db"
    url = f"sqlite:///{file}" if request.param == "sqlite" else postgres.database()
    return asyncio.run(_answers(url))


async def _answers(url: str) -> dict[str, set[int]]:
    def ask(db: Transaction) -> dict[str, set[int]]:
        if db.dialect.name == "sqlite":
            db.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        else:
            db.exec_driver_sql("SET LOCAL session_replication_role = replica")
        fulltext.add(db, list(enumerate(TEXTS)))
        answers = {}
        for query in QUERIES:
            table, id_, conditions = fulltext.matching(db.dialect.name, query)
            answers[query] = set(db.execute(select(id_).select_from(table).where(*conditions)).scalars())
        db.execute(delete(message_text))
        return answers

    store = await Store.open(url)
    try:
        return await store.write(ask)
    finally:
        await store.close()


def test_each_query_finds_the_texts_with_its_words(found: dict[str, set[int]]) -> None:
    """Words in any form; phrases; numbers that are written with or without separators; no operators."""
    assert found == QUERIES
