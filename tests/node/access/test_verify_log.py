"""node/access/verify_log.py: what somebody does to an access log is found, and named by entry and time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from node.access.kept_heads import KeptHead
from node.access.verification_answer import LogVerification
from node.access.verify_log import Verification
from node.access_chain import chain_pages, head_file
from node.access_chain.entry_hash import FIELDS, FIRST_PREVIOUS, entry_hash
from node.access_chain.head_file import HEADS_FILE
from node.access_chain.signed_head import SignedHead
from node.audit.sign_access_log import AccessSigner
from node.database.engine import Store, Transaction
from node.integrity.copy_store import snapshot
from node.store import access_log
from node.store.access_log import Consultation, Operation
from node.upkeep.store_address import file_address, opened
from tests.support import postgres
from tests.support.community import T0, Community, keys_of

COMMUNITY = Community(("BZ", "GT"))
NOW = T0 + 3_600_000
ENTRIES = 10
SIGNED = 8
CHANGES = {
    "id": "99",
    "at": "at + 1",
    "operation": "'DISCLOSURE'",
    "actor": "'bob'",
    "subject": "'other'",
    "detail": "'d'",
    "purpose": "'RESEARCH'",
    "reason": "NULL",
    "query": "''",
    "hits": "0",
    "hash": "NULL",
}


@dataclass(slots=True, kw_only=True)
class Log:
    """A log with ten entries; a head of the eighth is signed."""

    store: Store
    signer: AccessSigner
    now: int = NOW

    async def add(self, count: int) -> None:
        """More entries, a transaction for each."""
        for _ in range(count):
            self.now += 1000
            asked = Consultation(query="PLATE=A1", subjects=["m"], purpose="CROSS_CHECKING", reason="Caso 7")
            work = partial(
                access_log.add_consultations, consultations=[asked], actor="ana (uid 1)", command="check", now=self.now
            )
            await self.store.write(work)

    async def sql(self, *statements: str) -> None:
        """What somebody does with the database alone."""
        await self.store.write(lambda db: [db.execute(text(statement)) for statement in statements])

    async def verified(self, *kept: KeptHead) -> LogVerification:
        """The result of a verification."""
        verification = Verification(store=self.store, node="BZ", governance=COMMUNITY.governance, file=self.signer.file)
        return await verification.run(kept)

    async def found(self, *kept: KeptHead) -> list[tuple[str, int, int]]:
        """Code and entries of each finding."""
        return [(found.code, found.entry, found.last_entry) for found in (await self.verified(*kept)).findings]


@pytest.fixture(params=["sqlite", "postgresql"])
async def log(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Log]:
    """The log on each database."""
    url = f"sqlite:///{tmp_path / 'store.db'}" if request.param == "sqlite" else postgres.database()
    store = await Store.open(url)
    signer = AccessSigner(
        store=store,
        keys=keys_of("BZ"),
        governance=lambda: COMMUNITY.governance,
        clock=lambda: made.now,
        file=tmp_path / HEADS_FILE,
    )
    made = Log(store=store, signer=signer)
    await made.add(SIGNED)
    await signer.sign()
    await made.add(ENTRIES - SIGNED)
    yield made
    await store.close()


async def test_a_log_that_nobody_changed_has_no_finding(log: Log) -> None:
    answer = await log.verified()

    assert (answer.entries, answer.findings, answer.counts, answer.erased_to) == (ENTRIES, (), {}, 0)
    assert answer.head is not None
    assert (answer.head.entry, answer.head.at) == (ENTRIES, log.now)
    assert answer.signed is not None
    assert (answer.signed.entry, answer.signed.at, answer.unsigned) == (SIGNED, NOW + SIGNED * 1000, 2)


async def test_a_log_without_an_entry_has_no_head(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    file = tmp_path / HEADS_FILE
    answer = await Verification(store=store, node="BZ", governance=COMMUNITY.governance, file=file).run()
    await store.close()

    assert (answer.entries, answer.head, answer.signed, answer.findings) == (0, None, None, ())


@pytest.mark.parametrize("entry", [1, 5, 10])
async def test_a_changed_column_of_any_entry_is_found_with_its_entry_and_time(log: Log, entry: int) -> None:
    await log.sql(f"CREATE TABLE saved AS SELECT * FROM access_log WHERE id = {entry}")
    for column, value in CHANGES.items():
        await log.sql(f"UPDATE access_log SET {column} = {value} WHERE id = {entry}")
        findings = (await log.verified()).findings

        assert findings, column
        if column not in ("id", "at", "hash"):
            first = findings[0]
            assert (first.code, first.entry, first.at) == ("access_entry_changed", entry, NOW + entry * 1000)
        await log.sql(
            f"DELETE FROM access_log WHERE id = {value if column == 'id' else entry}",
            "INSERT INTO access_log SELECT * FROM saved",
        )
    assert await log.found() == []


@pytest.mark.parametrize(("first", "last"), [(1, 1), (1, 3), (4, 4), (4, 6), (9, 9)])
async def test_deleted_entries_are_found_with_their_numbers(log: Log, first: int, last: int) -> None:
    await log.sql(f"DELETE FROM access_log WHERE id BETWEEN {first} AND {last}")
    finding = (await log.verified()).findings[0]

    assert (finding.code, finding.entry, finding.last_entry) == ("access_entry_deleted", first, last)
    assert finding.at == NOW + (last + 1) * 1000


@pytest.mark.parametrize("first", [1, 9, 10])
async def test_a_log_whose_end_was_deleted_is_found(log: Log, first: int) -> None:
    """Also without a signed head of these entries: the end is noted beside the log."""
    await log.sql(f"DELETE FROM access_log WHERE id >= {first}")

    assert ("access_log_cut", first, ENTRIES) in await log.found()


@pytest.mark.parametrize("kept", [0, 3, 7])
async def test_a_log_that_was_cut_together_with_its_end_is_found_by_a_signed_head(log: Log, kept: int) -> None:
    statements = [f"DELETE FROM access_log WHERE id > {kept}", "DELETE FROM access_end", "DELETE FROM access_head"]
    if kept:
        statements.append(f"INSERT INTO access_end SELECT 1, id, hash FROM access_log WHERE id = {kept}")
    await log.sql(*statements)

    assert await log.found() == [("access_log_cut", kept + 1, SIGNED)]


async def test_two_entries_that_change_places_are_found(log: Log) -> None:
    """Their fields alone, or their whole rows."""
    names = ", ".join(name for name in FIELDS if name != "id")
    await log.sql(f"CREATE TABLE moved AS SELECT id, {names} FROM access_log WHERE id IN (3, 6)")
    for to, source in ((3, 6), (6, 3)):
        values = ", ".join(
            f"{name} = (SELECT {name} FROM moved WHERE id = {source})" for name in names.split(", ") if name != "id"
        )
        await log.sql(f"UPDATE access_log SET {values} WHERE id = {to}")
    await log.sql("DROP TABLE moved")

    assert {("access_entry_changed", 3, 3), ("access_entry_changed", 6, 6)} <= set(await log.found())

    await log.sql(
        "UPDATE access_log SET id = 1003 WHERE id = 3",
        "UPDATE access_log SET id = 3 WHERE id = 6",
        "UPDATE access_log SET id = 6 WHERE id = 1003",
    )
    assert await log.found()


@pytest.mark.parametrize("id_", [-1, 0, 11, 1000])
async def test_an_inserted_entry_is_found(log: Log, id_: int) -> None:
    """Without a hash, or with the hash that the chain would have there, but not noted as its end."""
    columns = f"INSERT INTO access_log (id, at, operation, actor, subject, detail) VALUES ({id_}, 1, 'X', 'x', '', '')"
    await log.sql(columns)

    assert ("access_entry_inserted", id_, id_) in await log.found()

    if id_ > ENTRIES:
        await log.store.write(partial(rewrite, first=id_))
        await log.sql(f"UPDATE access_end SET entry = {ENTRIES}")
        assert ("access_entry_inserted", ENTRIES + 1, id_) in await log.found()


def rewrite(db: Transaction, first: int) -> None:
    """Write the chain again from an entry on, as somebody would who knows the format."""
    names = ", ".join(FIELDS)
    rows = db.execute(text(f"SELECT {names}, hash FROM access_log ORDER BY id")).all()
    previous, last = FIRST_PREVIOUS, 0
    for row in rows:
        if row.id >= first:
            new = entry_hash(previous, tuple(row)[: len(FIELDS)])
            db.execute(text("UPDATE access_log SET hash = :new WHERE id = :of"), {"new": new, "of": row.id})
            previous = new
        else:
            previous = bytes(row.hash)
        last = row.id
    db.execute(text("UPDATE access_end SET entry = :last, hash = :hash"), {"last": last, "hash": previous})


REWRITTEN: dict[str, tuple[str, int]] = {
    "changed": ("UPDATE access_log SET actor = 'bob' WHERE id = 4", 4),
    "deleted": ("DELETE FROM access_log WHERE id = 4", 5),
    "the signed entry deleted": ("DELETE FROM access_log WHERE id = 8", 9),
}


@pytest.mark.parametrize("what", REWRITTEN)
async def test_a_chain_that_was_written_again_contradicts_the_signed_heads(log: Log, what: str) -> None:
    """The file has a head that the database alone cannot change; a head that somebody makes does not count."""
    statement, first = REWRITTEN[what]
    await log.sql(statement)
    await log.store.write(partial(rewrite, first=first))

    assert set(await log.found()) == {("access_head_differs", 1, SIGNED)}
    assert (await log.verified()).signed is None

    await log.sql("UPDATE access_head SET hash = (SELECT hash FROM access_log WHERE id = 7), entry = 7")
    codes = {code for code, *_ in await log.found()}
    assert codes == {"access_head_differs", "access_head_invalid", "access_heads_missing"}


async def test_entries_after_the_last_signed_head_are_protected_by_what_an_auditor_kept(log: Log) -> None:
    """The answer says how many they are; a head that was kept before proves that the log only grew."""
    before = (await log.verified()).head
    assert before is not None
    kept = KeptHead(entry=before.entry, hash=before.hash, at=before.at)
    await log.add(3)

    assert await log.found(kept) == []

    await log.sql("UPDATE access_log SET actor = 'bob' WHERE id = 9")
    await log.store.write(partial(rewrite, first=9))
    assert await log.found() == []
    assert await log.found(kept) == [("access_head_differs", 1, 10)]
    assert await log.found(replace(kept, entry=20)) == [("access_log_cut", 14, 20)]


FORGED: dict[str, Callable[[SignedHead], SignedHead]] = {
    "another entry": lambda head: msgspec.structs.replace(head, entry=7),
    "another time": lambda head: msgspec.structs.replace(head, at=head.at + 1),
    "an erasure": lambda head: msgspec.structs.replace(head, erased_entry=3),
    "a time before the key": lambda head: msgspec.structs.replace(head, at=T0 - 1),
    "another node": lambda head: msgspec.structs.replace(head, node="GT"),
    "an unknown key": lambda head: msgspec.structs.replace(head, key_id=bytes(32)),
    "a SEAL key": lambda head: msgspec.structs.replace(head, key_id=keys_of("BZ").keys[0].key_id),
    "a short hash": lambda head: msgspec.structs.replace(head, hash=b"x"),
    "a number out of range": lambda head: msgspec.structs.replace(head, entry=2**64 - 1),
    "no signature": lambda head: msgspec.structs.replace(head, signature=b""),
}


@pytest.mark.parametrize("forged", FORGED)
async def test_a_forged_head_in_the_file_is_a_finding(log: Log, forged: str) -> None:
    file = log.signer.file
    head = head_file.head_of(file.read_bytes())
    assert head is not None
    with file.open("ab") as added:
        added.write(msgspec.json.encode(FORGED[forged](head)) + b"\n")
    answer = await log.verified()

    assert [finding.code for finding in answer.findings] == ["access_head_invalid"]
    assert answer.erased_to == 0


@pytest.mark.parametrize("line", [b"junk\n", b"{}\n", b"\xff\n", b"x" * 200_000 + b"\n"])
async def test_a_line_of_another_form_is_a_finding_and_the_heads_after_it_are_compared(log: Log, line: bytes) -> None:
    file = log.signer.file
    file.write_bytes(line + file.read_bytes())
    answer = await log.verified()

    assert {finding.code for finding in answer.findings} == {"access_head_invalid"}
    assert answer.signed is not None


async def test_without_the_file_the_heads_of_the_store_count_and_its_loss_is_a_finding(log: Log) -> None:
    log.signer.file.unlink()
    answer = await log.verified()

    assert [finding.code for finding in answer.findings] == ["access_heads_missing"]
    assert answer.signed is not None


async def test_the_part_of_a_line_that_a_killed_process_left_is_no_finding_and_is_removed(log: Log) -> None:
    file = log.signer.file
    whole = file.read_bytes()
    file.write_bytes(whole + whole[:100])

    assert await log.found() == []

    await log.signer.sign()
    assert file.read_bytes().startswith(whole + b'{"node":"BZ","entry":10')
    assert await log.found() == []


async def test_pages_of_any_size_give_the_same_answer(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    await log.sql("DELETE FROM access_log WHERE id = 5", "UPDATE access_log SET actor = 'x' WHERE id = 9")
    whole = await log.verified()
    for size in (1, 2, 9):
        monkeypatch.setattr(chain_pages, "ROWS_TOGETHER_MAX", size)
        monkeypatch.setattr(chain_pages, "_AFTER", chain_pages._AFTER.limit(size))
        assert await log.verified() == whole


async def test_a_log_that_grows_and_is_signed_while_it_is_verified_has_no_finding(log: Log) -> None:
    async def write() -> None:
        for _ in range(20):
            await log.add(1)
            await log.signer.sign()

    writing = asyncio.create_task(write())
    found: list[Any] = []
    while not writing.done():
        found += await log.found()
    await writing

    assert found == []
    assert await log.found() == []


async def test_a_copy_of_a_store_keeps_the_chain(log: Log, tmp_path: Path) -> None:
    """As `db copy`, `backup` and `restore` make it; the copy goes on with the chain."""
    with opened(file_address(tmp_path / "copy.db"), "file", make=True) as target:
        await log.store.read(partial(snapshot, target=target))
    copy = Log(store=await Store.open(f"sqlite:///{tmp_path / 'copy.db'}"), signer=log.signer, now=log.now)
    await copy.add(2)
    answer = await copy.verified()
    await copy.store.close()

    assert (answer.entries, answer.findings) == (ENTRIES + 2, ())


async def test_an_entry_that_only_sqlite_can_hold_is_a_finding_and_not_an_error(tmp_path: Path) -> None:
    """Bytes that are not UTF-8, a text in place of a time, a number in place of a text, a hash of another type."""
    store = await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    subjects = [(str(number), "d") for number in range(6)]
    await store.write(partial(access_log.add, operation=Operation.ERASURE, actor="BZ", subjects=subjects, now=NOW))
    for entry, change in enumerate(
        ("reason = CAST(x'ff' AS TEXT)", "at = 'x'", "actor = x'00'", "hits = 1.5", "hash = 'x'"), start=1
    ):
        await store.write(lambda db, c=change, e=entry: db.execute(text(f"UPDATE access_log SET {c} WHERE id = {e}")))  # type: ignore[misc]
    file = tmp_path / HEADS_FILE
    answer = await Verification(store=store, node="BZ", governance=COMMUNITY.governance, file=file).run()
    await store.close()

    assert answer.entries == 6
    assert {finding.entry for finding in answer.findings} >= {1, 2, 3, 4, 5}


async def test_very_many_findings_are_counted_and_the_first_ones_listed(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    subjects = [("s", "d")] * 1200
    await store.write(partial(access_log.add, operation=Operation.ERASURE, actor="BZ", subjects=subjects, now=NOW))
    await store.write(lambda db: db.execute(text("UPDATE access_log SET actor = 'x'")))
    file = tmp_path / HEADS_FILE
    answer = await Verification(store=store, node="BZ", governance=COMMUNITY.governance, file=file).run()
    await store.close()

    assert (len(answer.findings), answer.counts) == (100, {"access_entry_changed": 1200})
