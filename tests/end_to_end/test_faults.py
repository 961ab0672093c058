"""Injects faults that concern more than one module. docs/faults.md names, for each fault, the test that injects it."""

import ast
import json
import re
import sqlite3
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from node.database.backend import StoreOptions
from node.database.engine import Store
from node.errors import Unavailable
from node.primitives import frame
from schemas import types
from schemas.avro import codec
from schemas.avro.codec import BadMessage
from schemas.avro.varint import varint
from schemas.types import KeyUse
from tests.independent import avro
from tests.node.verification.test_verify import code_of
from tests.support import postgres, stores
from tests.support.bed import bed
from tests.support.community import Community, clause, keys_of
from tests.support.contract import (
    cli,
    ok,
    step,
    tables,
)
from tests.support.exchange import exchange, report
from tests.support.processes import agreement, lab
from tests.support.readers import (
    World,
    decide,
    granted,
    judge,
)
from tests.support.readers import code_of as code_of_decision
from tests.support.records import (
    AudienceKey,
    Author,
    changed,
    place,
    report_of,
)
from tests.support.wire_samples import EACH

PROJECT: Final = Path(__file__).parents[2]

# The table of docs/faults.md.

ROWS: Final = {str(number) for number in (*range(1, 25), 53, 55, 59, 61, 63, 68)}


def rows() -> list[dict[str, str]]:
    """The table of docs/faults.md."""
    [table] = tables("faults.md", "# Faults")
    return table


def test_every_fault_of_this_version_has_its_row() -> None:
    assert {row["row"] for row in rows()} >= ROWS


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["row"])
def test_a_row_names_tests_that_exist_or_what_is_open(row: dict[str, str]) -> None:
    named = re.findall(r"`(test_\w+)::(\w+)`", row["tests"])

    assert named or row["open"]
    for module, function in named:
        trees = [ast.parse(file.read_text("utf-8")) for file in (PROJECT / "tests").rglob(f"{module}.py")]
        nodes = [node for tree in trees for node in ast.walk(tree)]
        functions = {node.name for node in nodes if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}
        assert function in functions, f"{module}::{function}"


# 4: lengths and counts.


class Noting(avro.Reader):
    """The reader of the second implementation, which also notes where each length and count begins and ends."""

    def __init__(self, data: bytes, payload: bool) -> None:
        super().__init__(data, payload)
        self.places: list[tuple[int, int]] = []

    def text(self, shape: avro.Shape) -> str | bytes:
        self._note()
        return super().text(shape)

    def array(self, shape: avro.Shape) -> list[Any]:
        self._note()
        return super().array(shape)

    def _note(self) -> None:
        begin = self.at
        self.number()
        self.places.append((begin, self.at))
        self.at = begin


GROWTH_BYTES_MAX: Final = 32 * 1024 * 1024


@pytest.mark.parametrize("value", EACH, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("number", [-1, -(2**31), 2**31, 2**62], ids=["-1", "-2^31", "2^31", "2^62"])
def test_no_length_and_no_count_of_a_record_makes_the_reader_allocate(value: types.Record, number: int) -> None:
    """Each length of a string or of bytes and each count of an array is replaced in turn."""
    name, data = type(value).__name__, codec.encode(value)
    reader = Noting(data, avro.TYPES[name].get("payload", False))
    reader.value(avro.TYPES[name])
    tracemalloc.start()
    try:
        for begin, end in reader.places:
            with pytest.raises(BadMessage):
                codec.decode(type(value), data[:begin] + varint(number) + data[end:])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < GROWTH_BYTES_MAX


# 13: the context of a signature.

CONTEXTS: Final = ("enlace/1 document", "enlace/1 checkpoint", "enlace/1 key", "enlace/1 grant", "")


@pytest.mark.parametrize("context", CONTEXTS)
def test_a_signature_with_another_context_is_not_valid_for_a_batch(context: str) -> None:
    """Bytes and key are right, but the first item of the frame names another purpose."""
    author = Author(code="BZ", community=world_of("BZ").community)
    value = author.message(AudienceKey.new(author))
    batch = codec.decode(types.SealedMessage, value).batch
    signature = keys_of("BZ").newest(KeyUse.SEAL).sign(frame(context, batch))

    assert code_of(changed(value, signature=signature), place()) == "signature_invalid"


def world_of(*codes: str) -> Community:
    """A community of some nodes without agreements."""
    return Community(codes)


# 55: the store is locked or full.


async def test_a_locked_store_is_unavailable_and_nothing_is_lost_or_doubled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The position advances only when the records are stored, so they are read again."""
    monkeypatch.setattr("node.database.sqlite_backend.BUSY_TIMEOUT_SECONDS", 0.05)
    async with bed(tmp_path) as scene:
        await scene.read(scene.bz.message(scene.key))
        other = sqlite3.connect(tmp_path / "gt.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        await scene.send(scene.bz.message(scene.key), scene.bz.message(scene.key))
        with pytest.raises(Unavailable) as error:
            await scene.read()
        other.execute("ROLLBACK")
        other.close()
        await scene.read()

        assert (error.value.code, error.value.path) == ("store_unavailable", "store.url")
        assert await scene.held() == [1, 2, 3]
        assert "duplicate" not in await scene.counts()


@pytest.fixture
def on_postgresql(monkeypatch: pytest.MonkeyPatch) -> Iterator[postgres.Server]:
    """The server that has the store of GT, which the bed opens."""
    server = postgres.Server()
    server.start()
    server.execute("CREATE DATABASE gt")

    async def open_store(url: str) -> Store:
        assert Path(url).stem == "gt"
        return await Store.open(server.url("gt"), StoreOptions(lock_seconds_max=1))

    monkeypatch.setattr("tests.support.exchange.open_store", open_store)
    yield server
    server.close()


async def test_a_postgresql_store_that_is_locked_or_away_loses_and_doubles_nothing(
    tmp_path: Path, on_postgresql: postgres.Server
) -> None:
    """Another session holds a lock for longer than the limit; then the server ends, and starts again."""
    import psycopg

    server = on_postgresql
    async with bed(tmp_path) as scene:
        await scene.read(scene.bz.message(scene.key))
        with psycopg.connect(server.conninfo("gt")) as other:
            other.execute("LOCK TABLE message IN SHARE ROW EXCLUSIVE MODE")
            await scene.send(scene.bz.message(scene.key), scene.bz.message(scene.key))
            with pytest.raises(Unavailable) as locked:
                await scene.read()
            other.rollback()
        await scene.read()
        held = await scene.held()
        await scene.send(scene.bz.message(scene.key))
        server.stop("immediate")
        with pytest.raises(Unavailable) as away:
            await scene.read()
        server.start()
        await scene.read()

        errors = [(error.value.code, error.value.path) for error in (locked, away)]
        assert errors == [("store_unavailable", "store.url")] * 2
        assert held == [1, 2, 3]
        assert await scene.held() == [1, 2, 3, 4]
        assert "duplicate" not in await scene.counts()


async def test_a_full_disk_under_the_store_is_unavailable_and_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    async with bed(tmp_path) as scene:
        await scene.read(scene.bz.message(scene.key))
        await limit_pages(scene.gt.store, 1)
        await scene.send(*[scene.bz.message(scene.key, report_of(legal_basis="x" * 900)) for _ in range(30)])
        with pytest.raises(Unavailable, match="full"):
            await scene.read()
        held = await scene.held()
        await limit_pages(scene.gt.store, 1_000_000)
        await scene.read()

        assert held == [1]
        assert await scene.held() == list(range(1, 32))
        assert "duplicate" not in await scene.counts()


async def limit_pages(store: Any, pages: int) -> None:
    """Limit the size of the store's file. SQLite does not go below the current size."""
    await store.write(lambda db: db.exec_driver_sql(f"PRAGMA max_page_count = {pages}"))


async def test_a_draft_that_a_full_disk_refused_is_not_accepted(tmp_path: Path) -> None:
    """`accepted` is not answered for a report that is not stored."""
    async with exchange(tmp_path, "BZ", "GT") as made:
        bz = made.nodes["BZ"]
        await limit_pages(bz.store, 1)
        drafts = [bz.draft(legal_basis=f"{number} " + "x" * 900) for number in range(40)]
        with pytest.raises(Unavailable):
            await bz.accept(drafts)
        await limit_pages(bz.store, 1_000_000)
        answers = await bz.accept(drafts)

        assert [answer.outcome for answer in answers] == ["accepted"] * 40


# 59: texts with a meaning for a program that stores or shows them.

INJECTED: Final = {
    "SQL": "'; DROP TABLE message; --",
    "a search of everything": '" OR 1=1 OR text MATCH "*',
    "a formula": '=HYPERLINK("http://example.invalid","x")',
    "a line of a log": '\n{"event": "bug", "level": "critical"}\r\n',
    "a terminal": "\x1b[2J\x1b]0;title\x07",
    "right to left": "\u202egnp.exe\u202c \u2066x\u2069",
    "markup": "<script>alert(1)</script> [bold red]x[/] {0} %s ${jndi:x}",
    "NUL": "before\0after",
    "64 KiB": "é" * 32 * 1024,
}


def report_line(words: str) -> bytes:
    """A report with this text, as a line of NDJSON."""
    return json.dumps(report(narrative={"text": words, "language": "en"})).encode()


@pytest.fixture(scope="module", params=[stores.SQLITE, pytest.param(stores.POSTGRESQL, marks=pytest.mark.slow)])
def homes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """BZ and GT with an agreement, on each database; on PostgreSQL with `make slow`."""
    terms = agreement("BZ-GT", ["BZ", "GT"], ("DRUG_TRAFFICKING",))
    made = lab(tmp_path_factory.mktemp("faults"), ["BZ", "GT"], terms)
    stores.use(request.param, made.values())
    return made


@pytest.mark.parametrize("words", INJECTED.values(), ids=INJECTED)
def test_a_text_is_stored_verbatim_at_the_other_side_and_shown_on_its_own_line(
    words: str, homes: dict[str, Path]
) -> None:
    """JSON returns the text unchanged. In output for a person it cannot move the cursor or begin a line."""
    [answer] = cli("publish", "-", home=homes["BZ"], data=report_line(words)).objects
    step(homes["BZ"], homes["GT"])
    [kept] = ok("show", answer["message_id"], home=homes["GT"])
    shown = cli("show", answer["message_id"], home=homes["GT"], json_=False)

    assert kept["report"]["narrative"]["text"] == words
    assert all(character.isprintable() for character in shown.out.replace("\n", ""))
    assert not any(line.startswith(("{", "=", "<")) for line in shown.out.splitlines())
    assert [row["report"]["narrative"]["text"] for row in ok("search", "--all", home=homes["GT"])].count(words) == 1


def rows_of_store(home: Path) -> dict[str, list[str]]:
    """Every row of every table of a node, except the access log, to which each search adds."""
    return {name: rows for name, rows in stores.contents(home).items() if not name.startswith("access_")}


@pytest.fixture(scope="module")
def with_injected(homes: dict[str, Path]) -> dict[str, Path]:
    """The homes, after GT stored a report with each of the texts."""
    for words in INJECTED.values():
        cli("publish", "-", home=homes["BZ"], data=report_line(words))
    step(homes["BZ"], homes["GT"])
    return homes


@pytest.mark.parametrize("words", INJECTED.values(), ids=INJECTED)
def test_a_search_for_a_text_finds_the_report_with_this_text_only(words: str, with_injected: dict[str, Path]) -> None:
    """The text is neither a query nor SQL, and the search changes no row."""
    before = rows_of_store(with_injected["GT"])
    found = ok("search", "--text", words, home=with_injected["GT"])

    assert [row["report"]["narrative"]["text"] for row in found] == [words]
    assert rows_of_store(with_injected["GT"]) == before
    assert len(before["message"]) >= len(INJECTED)


@pytest.mark.parametrize("words", INJECTED.values(), ids=INJECTED)
def test_a_text_in_the_place_of_an_id_is_a_usage_error(words: str, with_injected: dict[str, Path]) -> None:
    """The answer is a usage error, and no row of the store changes."""
    before = rows_of_store(with_injected["GT"])
    named = cli("show", words, home=with_injected["GT"])

    assert (named.exit, named.error["code"]) == (2, "usage")
    assert rows_of_store(with_injected["GT"]) == before


def test_a_text_of_a_megabyte_is_refused_with_the_limit(homes: dict[str, Path]) -> None:
    [answer] = cli("publish", "-", home=homes["BZ"], data=report_line("x" * 1_000_000)).objects

    assert answer["outcome"] == "refused"
    [error] = answer["errors"]
    assert re.search(r"\d{2,}", error["message"]), error


# 61: a report that names its originator.


@pytest.mark.parametrize("name", ["originator", "message_id", "created_at", "references"])
def test_a_report_with_a_field_that_the_system_sets_is_refused(name: str, homes: dict[str, Path]) -> None:
    """The system sets these fields. The originator is the node whose key signs."""
    data = json.dumps(report() | {name: "GT"}).encode()
    [answer] = cli("publish", "-", home=homes["BZ"], data=data).objects

    assert answer["outcome"] == "refused"
    assert [error["path"] for error in answer["errors"]] == [name]


# 63: a handling code that no clause lists.


async def test_a_handling_code_that_no_clause_lists_is_refused_by_the_originator(tmp_path: Path) -> None:
    """The report has no recipient, and the reason names the code."""
    made = Community(("BZ", "GT"))
    made.agreement("BZ-GT", ("BZ", "GT"), clause(["BZ"], ["GT"], handling=("H0",)))
    async with exchange(tmp_path, "BZ", "GT", community=made) as running:
        addressed = (await running.nodes["BZ"].publish(handling=["H1"])).addressed

        assert addressed is not None
        assert list(addressed.admitted) == []
        assert "handling code H1 is not in the clause" in [refusal.reason for refusal in addressed.refusals]


def test_a_handling_code_that_no_clause_lists_is_withheld_by_the_recipient() -> None:
    """The recipient withholds the report even if the originator sealed it for this recipient."""
    made = World.new()
    terms = made.community.agreement("H0", ("BZ", "GT"), clause(["BZ"], ["GT"], handling=("H0",)))
    author = made.author()
    key, grant = granted(author, made.named("1", terms))
    record = author.grant(grant)
    found = {
        code: code_of_decision(
            decide(judge(known=made.community.governance), author.message(key, report_of(handling=[code])), record)
        )
        for code in ("H0", "H1")
    }

    assert found == {"H0": "stored", "H1": "withheld clause_not_satisfied"}
