"""node/integrity: a whole store has no finding, and each kind of damage has its own."""

import asyncio
from pathlib import Path

import pytest

from node.integrity.finding_types import FINDINGS_OF_A_KIND_MAX, FindingCode, Findings
from tests.support.whole_store import changed_copy, checked, make

ROWS = {"message", "link", "used_id", "draft", "outgoing", "own_batch", "head", "receipt", "quarantine", "granted"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a store that is whole; no test changes it."""
    folder = tmp_path_factory.mktemp("whole")
    asyncio.run(make(folder))
    return folder / "gt.db"


async def test_a_whole_store_has_no_finding_and_the_rows_are_counted(whole: Path) -> None:
    done = await checked(whole)

    assert done.findings == ()
    assert {name for name in ROWS if not done.tables[name]} == set()


CASES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "an index is missing": ("schema_differs", "message", ("DROP INDEX message_report_id",)),
    "a trigger is missing": ("schema_differs", "message_text", ("DROP TRIGGER message_text_added",)),
    "a table is missing": ("schema_differs", "knowledge", ("DROP TABLE knowledge",)),
    "a text instead of bytes": ("value_invalid", "link", ("UPDATE link SET arrived = 'x' WHERE first = 1",)),
    "a text instead of a number": ("value_invalid", "message", ("UPDATE message SET created_at = 'now' WHERE id = 1",)),
    "a number that is no boolean": ("value_invalid", "link", ("UPDATE link SET linked = 7 WHERE first = 1",)),
    "a hash that is too short": ("value_invalid", "head", ("UPDATE head SET batch_hash = x'00'",)),
    "an index row without its message": (
        "row_orphaned",
        "identifier",
        ("INSERT INTO identifier(scheme, value, message, country) VALUES ('NAME', 'NO ONE', 99, '')",),
    ),
    "a batch was deleted": ("row_unplaced", "message", ("DELETE FROM link WHERE originator = 'BZ' AND first = 2",)),
    "a bit was cleared": (
        "row_unplaced",
        "message",
        ("UPDATE link SET arrived = x'00' WHERE originator = 'BZ' AND stream LIKE 'intel%' AND first = 2",),
    ),
    "a bit was set": ("link_invalid", "link", ("UPDATE link SET arrived = x'03' WHERE originator = 'BZ'",)),
    "a link says that it is not linked": (
        "link_invalid",
        "link",
        ("UPDATE link SET linked = 0 WHERE originator = 'BZ' AND first = 3",),
    ),
    "a predecessor was replaced": (
        "link_invalid",
        "link",
        ("UPDATE link SET previous = zeroblob(32) WHERE originator = 'BZ' AND first = 3",),
    ),
    "a link says that it is whole": (
        "link_invalid",
        "link",
        ("UPDATE link SET size = 2 WHERE originator = 'BZ' AND stream LIKE 'intel%' AND first = 3",),
    ),
    "the hash of a batch was replaced": (
        "record_differs",
        "message",
        ("UPDATE link SET hash = zeroblob(32) WHERE originator = 'BZ' AND stream LIKE 'intel%' AND first = 3",),
    ),
    "the highest sequence is another one": (
        "highest_differs",
        "reading",
        ("UPDATE reading SET highest = 2 WHERE topic LIKE 'intel%.bz'",),
    ),
    "two rows of one record": (
        "row_doubled",
        "withheld",
        (
            "INSERT INTO withheld SELECT originator, stream, sequence, message_id, 'expired', NULL, NULL, '', 0, NULL,"
            " NULL FROM message WHERE id = 1",
        ),
    ),
    "a used id was deleted": ("used_id_differs", "used_id", ("DELETE FROM used_id WHERE originator = 'BZ'",)),
    "a message has another id": ("used_id_differs", "used_id", ("UPDATE message SET message_id = zeroblob(16)",)),
    "a byte of a record": (
        "record_differs",
        "message",
        (
            "UPDATE message SET record = CAST(substr(record, 1, 500) || x'0000' || substr(record, 503) AS BLOB)"
            " WHERE id = 1",
        ),
    ),
    "records of two messages were swapped": (
        "record_differs",
        "message",
        ("UPDATE message SET record = (SELECT record FROM message WHERE id = 2) WHERE id = 1",),
    ),
    "a payload was cut": (
        "payload_differs",
        "message",
        ("UPDATE message SET payload = substr(payload, 1, 40) WHERE id = 1",),
    ),
    "a report has another id": ("payload_differs", "message", ("UPDATE message SET report_id = 'x' WHERE id = 1",)),
    "an identifier was deleted": ("index_differs", "identifier", ("DELETE FROM identifier WHERE message = 1",)),
    "a subject was added": ("index_differs", "message_subject", ("INSERT INTO message_subject VALUES ('X', 1)",)),
    "a text was changed": ("index_differs", "message_text", ("UPDATE message_text SET text = 'x' WHERE message = 1",)),
    "a text is not in the full-text index": (
        "index_differs",
        "message_fts",
        ("INSERT INTO message_fts(message_fts, rowid, text) SELECT 'delete', message, text FROM message_text",),
    ),
    "a head went back": ("head_differs", "head", ("UPDATE head SET next_sequence = 2 WHERE stream LIKE 'intel%'",)),
    "a head was deleted": ("head_differs", "head", ("DELETE FROM head WHERE stream LIKE 'intel%'",)),
    "sealed bytes were deleted": ("own_record_missing", "outgoing", ("DELETE FROM outgoing",)),
    "sealed bytes were changed": ("outgoing_differs", "outgoing", ("UPDATE outgoing SET value = x'00'",)),
    "an own batch was deleted": (
        "outgoing_differs",
        "own_batch",
        ("UPDATE own_batch SET size = 5 WHERE stream LIKE 'intel%' AND first = 1",),
    ),
    "a draft is sealed twice": ("draft_differs", "draft", ("UPDATE draft SET sequence = 1 WHERE sequence IS NULL",)),
    "a draft beyond the head": ("draft_differs", "draft", ("UPDATE draft SET sequence = 77 WHERE id = 1",)),
    "a draft of another message": (
        "draft_differs",
        "draft",
        ("UPDATE draft SET message_id = zeroblob(16) WHERE sequence = 1",),
    ),
    "outcomes of another size": ("outcomes_differ", "batch_outcome", ("UPDATE batch_outcome SET outcomes = x'0101'",)),
    "a receipt about no own batch": ("reference_missing", "receipt", ("UPDATE receipt SET batch = zeroblob(32)",)),
    "a grant of no batch": ("reference_missing", "granted", ("UPDATE granted SET sequence = sequence + 70",)),
    "an own grant beyond the head": ("reference_missing", "own_grant", ("UPDATE own_grant SET sequence = 70",)),
    "a position of another stream": (
        "reference_missing",
        "reading",
        ("UPDATE reading SET topic = 'intel.europe.bz' WHERE topic = 'intel.caribbean.bz'",),
    ),
    "a message was not counted": ("count_differs", "counter", ("UPDATE counter SET value = 1 WHERE name = 'stored'",)),
    "a draft was not counted": ("count_differs", "counter", ("DELETE FROM counter WHERE name = 'accepted'",)),
    "a block of messages is missing": ("index_differs", "message_block", ("DELETE FROM message_block",)),
    "a block ends early": ("index_differs", "message_block", ("UPDATE message_block SET created_max = 1",)),
    "a negative position": ("reference_missing", "reading", ("UPDATE reading SET position = -1",)),
}


@pytest.mark.parametrize(("code", "table", "statements"), CASES.values(), ids=CASES)
async def test_each_damage_is_a_finding_with_its_code_and_its_table(
    code: str, table: str, statements: tuple[str, ...], whole: Path, tmp_path: Path
) -> None:
    done = await checked(changed_copy(whole, tmp_path, *statements))

    assert (code, table) in {(finding.code, finding.table) for finding in done.findings}
    assert done.counts[code] >= 1


async def test_no_finding_shows_a_text_or_an_identifier_of_a_report(whole: Path, tmp_path: Path) -> None:
    """A finding about personal data names the row and the numbers."""
    statements = [
        "UPDATE identifier SET value = 'JUAN PEREZ'",
        "UPDATE message_text SET text = 'JUAN PEREZ was seen'",
        "INSERT INTO identifier VALUES ('NAME', 'JUAN PEREZ', 99, '')",
        "INSERT INTO identifier VALUES (x'00', 'JUAN PEREZ', 1, '')",
    ]
    shown = ""
    for number, statement in enumerate(statements):
        folder = tmp_path / str(number)
        folder.mkdir()
        found = (await checked(changed_copy(whole, folder, statement))).findings
        assert found, statement
        shown += str(found)

    assert "PEREZ" not in shown
    assert "Sea" not in shown


async def test_every_code_has_a_case() -> None:
    """`store_damaged` has its tests with damaged files."""
    assert {code for code, _, _ in CASES.values()} | {"store_damaged"} == set(FindingCode)


def test_findings_of_one_kind_are_counted_and_the_first_are_listed() -> None:
    findings = Findings()
    for number in range(FINDINGS_OF_A_KIND_MAX + 50):
        findings.report(FindingCode.ROW_ORPHANED, "identifier", str(number), expected="a", found="b")
    findings.report(FindingCode.ROW_ORPHANED, "message_text", "1", expected="a", found="b")

    assert len(findings.listed) == FINDINGS_OF_A_KIND_MAX + 1
    assert findings.counts == {"row_orphaned": FINDINGS_OF_A_KIND_MAX + 51}
