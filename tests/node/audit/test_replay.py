"""The replay of an auditor: an honest history has no finding, and each change by the broker is found at its position.

The table of tampering is in tests/support/tampering.py; it runs on every log of tests/support/logs.py. What a log
does only when it breaks comes from tests/support/memory_log.py.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.log import Log
from node.audit import read_topic
from node.audit.findings import Finding, FindingGroup, ReplayAnswer
from node.audit.replay import Selection, replay
from node.errors import Unavailable, UsageError
from tests.support import clusters, stranger
from tests.support.contract import Ran, cli
from tests.support.logs import IMPLEMENTATIONS, Harness, embedded
from tests.support.memory_log import MemoryLog, Positioned, without_holes
from tests.support.tampering import (
    CASES,
    LENGTH,
    OTHER_ORIGINATOR,
    OTHER_STREAM,
    SIZES,
    TOPIC,
    Case,
    History,
    Values,
    delete,
    flipped,
    honest,
    insert,
    load,
    topic,
)

ON_KAFKA = (
    "nothing changed",
    "content edited",
    "signature edited",
    "value removed",
    "first deleted",
    "inside a batch deleted",
    "a whole batch deleted",
    "neighbours in a batch swapped",
    "two batches swapped",
    "foreign bytes inserted",
    "another originator's record inserted",
    "a record repeated later",
)
"""Of each kind some: a topic made again by a foreign producer. `make slow` runs the others."""

BEFORE = ("records", "verified", "duplicates", "empty", "ignored", "streams", "findings")
Where = tuple[str, int | None, int | None]
ALL = Selection()


@pytest.fixture(scope="module")
def history() -> History:
    return honest()


@pytest.fixture(params=IMPLEMENTATIONS)
async def harness(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Harness]:
    """A bus of its own for each test, once for each implementation; an auditor reads every stream that is there."""
    (tmp_path / "bus").mkdir()
    if request.param == "kafka":
        await stranger.delete_all(clusters.bootstrap())
    async with IMPLEMENTATIONS[request.param](tmp_path / "bus") as made:
        yield made


async def replayed(log: Log, history: History, asked: Selection = ALL) -> ReplayAnswer:
    with TemporaryDirectory() as scratch:
        return await replay(log, history.governance, asked, scratch=Path(scratch))


async def in_memory(history: History, asked: Selection = ALL, **log: Any) -> ReplayAnswer:
    """Replay a history from memory; `log` sets the faults of the log."""
    records: dict[str, Positioned] = {name: without_holes(values) for name, values in history.values.items()}
    made = MemoryLog(**{"records": records, **log})
    return await replayed(cast(Log, made), history, asked)


def where(findings: Sequence[Finding | FindingGroup]) -> set[Where]:
    return {(finding.code, finding.sequence, finding.position) for finding in findings}


# What was done to a stream.


@pytest.mark.parametrize(
    ("name", "harness"),
    [
        *((name, "embedded") for name in CASES),
        *((name, "kafka") for name in ON_KAFKA),
        *(pytest.param(name, "kafka", marks=pytest.mark.slow) for name in CASES if name not in ON_KAFKA),
    ],
    indirect=["harness"],
)
async def test_every_finding_has_its_sequence_or_position_and_there_is_no_other(
    name: str, harness: Harness, history: History
) -> None:
    case: Case = CASES[name]
    await load(harness, history.with_values(case.tamper(list(history.values[TOPIC]))))
    found = await replayed(harness.open(), history)

    assert where(found.findings) == case.found
    assert len(found.findings) == len(case.found)
    assert {topic(finding.stream, finding.originator) for finding in found.findings} <= {TOPIC}
    assert found.duplicates == case.duplicates


async def test_a_truncated_head_is_found_with_what_is_missing(harness: Harness, history: History) -> None:
    await load(harness, history)
    await harness.truncate_before(TOPIC, 5)
    found = await replayed(harness.open(), history)

    assert found.findings == [
        Finding(
            code="head_truncated",
            originator="BZ",
            stream="intel.caribbean",
            sequence=1,
            position=5,
            expected="1",
            found="6",
        )
    ]


async def test_records_of_an_honest_history_are_all_verified_and_counted_by_stream(
    harness: Harness, history: History
) -> None:
    await load(harness, history)
    found = await replayed(harness.open(), history)
    used = {name: len(values) for name, values in history.values.items() if values}

    assert (found.records, found.verified, found.duplicates) == (sum(used.values()), sum(used.values()), 0)
    assert {
        topic(stream.stream, stream.originator): (stream.records, stream.first, stream.last) for stream in found.streams
    } == {name: (count, 1, count) for name, count in used.items()}
    assert [topic(stream.stream, stream.originator) for stream in found.streams] == sorted(used)
    assert found.empty == len(history.values) - len(used)
    assert found.ignored == ()


async def test_a_record_that_is_refused_is_not_counted_as_verified(history: History) -> None:
    found = await in_memory(history.with_values([*history.values[TOPIC], b"x"]))

    assert found.records - found.verified == 1


@pytest.mark.parametrize(
    ("name", "expected", "seen"),
    [
        ("a whole batch deleted", "8", "12"),
        ("first deleted", "1", "2"),
        ("the first two swapped", "3", "1"),
        ("signature edited", "step 4 holds", "the signature over the batch is not valid"),
        (
            "a second batch of the right key, before the first",
            "a batch that continues sequence 7",
            "a batch that names another predecessor",
        ),
        ("under documents that the reader does not have", "governance 0", "governance 3"),
    ],
)
async def test_a_finding_says_what_was_expected_and_what_was_found(
    name: str, expected: str, seen: str, history: History
) -> None:
    found = await in_memory(history.with_values(CASES[name].tamper(list(history.values[TOPIC]))))

    assert (expected, seen) in {(finding.expected, finding.found) for finding in found.findings}


async def test_findings_of_several_streams_come_by_topic_and_position(history: History) -> None:
    spoilt = history.with_values(delete(2, 8)([*history.values[TOPIC], b"x"]))
    spoilt = spoilt.with_values([b"y", *history.values[OTHER_STREAM]], OTHER_STREAM)
    found = await in_memory(spoilt.with_values([b"z"], OTHER_ORIGINATOR))

    assert [(finding.stream, finding.originator, finding.position) for finding in found.findings] == [
        ("intel.caribbean", "BZ", 2),
        ("intel.caribbean", "BZ", 7),
        ("intel.caribbean", "BZ", 10),
        ("intel.caribbean", "GT", 0),
        ("keys", "BZ", 0),
    ]


# Random histories.


def expected_of(arrivals: Sequence[int | None]) -> set[Where]:
    """The findings of a stream in which these sequences arrive, None for a record that is refused."""
    ends = list(accumulate(SIZES))
    found: set[Where] = set()
    first_at: dict[int, int] = {}
    highest = 0
    for position, sequence in enumerate(arrivals):
        if sequence is None:
            found.add(("framing_invalid", None, position))
        elif sequence not in first_at:
            first_at[sequence] = position
            if sequence < highest:
                found.add(("out_of_order", sequence, position))
            highest = max(highest, sequence)
    missing = [sequence for sequence in range(1, highest) if sequence not in first_at]
    for sequence in missing:
        if sequence - 1 not in missing:
            behind = next(later for later in range(sequence, highest + 1) if later in first_at)
            found.add(("head_truncated" if sequence == 1 else "chain_gap", sequence, first_at[behind]))
    if highest not in (0, *ends):
        found.add(("leaf_missing", highest + 1, None))
    return found


ARRIVALS = st.one_of(
    st.lists(st.none() | st.integers(1, LENGTH), min_size=1, max_size=2 * LENGTH),
    st.permutations(range(1, LENGTH + 1)),
    st.sets(st.integers(1, LENGTH), min_size=1).map(sorted),
)


@settings(max_examples=25)
@given(arrivals=ARRIVALS, at_once=st.integers(1, 8))
async def test_lost_repeated_reordered_and_changed_records_are_found_and_nothing_else(
    arrivals: list[int | None], at_once: int, history: History
) -> None:
    """The findings do not depend on how many records each fetch returns."""
    values = history.values[TOPIC]
    spoilt: Values = [b"spoilt" if sequence is None else values[sequence - 1] for sequence in arrivals]
    found = await in_memory(history.with_values(spoilt), records_max=at_once)

    assert where(found.findings) == expected_of(arrivals)


@settings(max_examples=30)
@given(at=st.integers(0, LENGTH - 1), data=st.data())
async def test_a_bit_changed_anywhere_in_a_record_is_found_there(
    at: int, data: st.DataObject, history: History
) -> None:
    """Whichever step it is that refuses it."""
    values = list(history.values[TOPIC])
    value = bytearray(values[at] or b"")
    value[data.draw(st.integers(0, len(value) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    found = await in_memory(
        history.with_values([*values[:at], bytes(value), *values[at + 1 :]]), Selection(stream=TOPIC)
    )
    [refused, *missing] = sorted(found.findings, key=lambda finding: finding.sequence or 0)

    assert (refused.sequence, refused.position) == (None, at)
    assert [(finding.sequence, finding.position) for finding in missing] == (
        [(at + 1, at + 1)] if at < LENGTH - 1 else []
    )


@pytest.mark.parametrize("at_once", [1, 2, 5])
@pytest.mark.parametrize("name", ["distant ones swapped", "every second deleted", "everything repeated"])
async def test_how_many_records_take_their_places_at_once_changes_nothing(
    name: str, at_once: int, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_topic, "RECORDS_AT_ONCE_MAX", at_once)
    found = await in_memory(history.with_values(CASES[name].tamper(list(history.values[TOPIC]))))

    assert where(found.findings) == CASES[name].found
    assert found.duplicates == CASES[name].duplicates


# Parts of a log.


async def test_a_stream_is_all_its_originators_and_a_topic_is_one(history: History) -> None:
    by_stream = await in_memory(history, Selection(stream="intel.caribbean"))
    by_topic = await in_memory(history, Selection(stream=TOPIC))

    assert [stream.originator for stream in by_stream.streams] == ["BZ", "ES", "GT"]
    assert [stream.originator for stream in by_topic.streams] == ["BZ"]
    assert by_topic.records == LENGTH


async def test_a_part_ends_before_its_last_position_and_begins_at_its_first(history: History) -> None:
    found = await in_memory(history, Selection(stream=TOPIC, start=3, until=7))

    assert [(stream.records, stream.first, stream.last) for stream in found.streams] == [(4, 4, 7)]
    assert found.findings == []


@pytest.mark.parametrize("until", [None, 11])
@pytest.mark.parametrize("start", range(16))
async def test_no_part_of_an_honest_log_has_a_finding(start: int, until: int | None, history: History) -> None:
    """A sender whose answer was lost sends again from there, and a part may begin inside what is repeated."""
    values = history.values[TOPIC]
    sent = history.with_values(values[:6] + values[4:9] + values[7:])
    found = await in_memory(sent, Selection(stream=TOPIC, start=start, until=until))

    assert found.findings == []
    assert found.records == found.verified == max(0, (until or 16) - start)


async def test_a_gap_inside_a_part_is_found(history: History) -> None:
    spoilt = history.with_values(delete(6)(list(history.values[TOPIC])))
    found = await in_memory(spoilt, Selection(stream=TOPIC, start=3))

    assert where(found.findings) == {("chain_gap", 7, 6)}


async def test_a_part_that_begins_where_the_log_does_has_lost_its_head(history: History) -> None:
    """Retention set the beginning, not the caller."""
    records = {TOPIC: dict(list(without_holes(history.values[TOPIC]).items())[5:])}
    whole = await in_memory(history, Selection(start=5), records=records)
    chosen = await in_memory(history, Selection(start=6), records=records)

    assert where(whole.findings) == {("head_truncated", 1, 5)}
    assert chosen.findings == []


async def test_what_the_log_does_not_have_cannot_be_asked_for(history: History) -> None:
    with pytest.raises(UsageError) as caught:
        await in_memory(history, Selection(stream="intel.atlantis"))

    assert (caught.value.code, caught.value.path) == ("stream_unknown", "stream")


async def test_a_topic_that_is_no_stream_of_ours_is_not_read_and_named(history: History) -> None:
    strange = {"__consumer_offsets": {0: b"x"}, "my.topic": {0: b"x"}, "intel.caribbean.BZ": {0: b"x"}}
    records = {TOPIC: without_holes(history.values[TOPIC]), **strange}
    found = await in_memory(history, Selection(stream=TOPIC), records=records)

    assert found.ignored == tuple(sorted(strange))
    assert (found.records, found.findings) == (LENGTH, [])


async def test_a_stream_of_somebody_who_is_no_member_is_read_and_refused(history: History) -> None:
    found = await in_memory(
        history, Selection(stream="intel.caribbean.zz"), records={"intel.caribbean.zz": {0: history.values[TOPIC][0]}}
    )

    assert where(found.findings) == {("stream_mismatch", None, 0)}


async def test_progress_counts_positions_up_to_their_number(history: History) -> None:
    seen: list[int] = []
    totals: list[int] = []

    @contextmanager
    def progress(total: int) -> Iterator[Callable[[int], None]]:
        totals.append(total)
        yield seen.append

    log = MemoryLog(records={name: without_holes(values) for name, values in history.values.items()}, records_max=2)
    with TemporaryDirectory() as scratch:
        await replay(cast(Log, log), history.governance, ALL, scratch=Path(scratch), progress=progress)

    assert totals == [sum(map(len, history.values.values()))]
    assert seen == sorted(seen)
    assert seen[-1] == totals[0]


# A log that breaks.


async def test_positions_may_have_holes(history: History) -> None:
    records = {TOPIC: {7 + 3 * at: value for at, value in enumerate(history.values[TOPIC])}}
    found = await in_memory(history, Selection(stream=TOPIC), records=records, beginnings={TOPIC: 4})

    assert (found.records, found.findings) == (LENGTH, [])


async def test_what_is_appended_during_the_replay_is_left_for_the_next(history: History) -> None:
    def more(log: MemoryLog, fetch: int) -> None:
        log.records[TOPIC][LENGTH + fetch] = b"new"

    found = await in_memory(history, before_fetch=more)

    assert found.findings == []


async def test_a_corrupt_record_ends_its_stream_and_no_other(history: History) -> None:
    found = await in_memory(history, corrupt={TOPIC: 4}, records_max=3)

    assert found.findings == [
        Finding(
            code="transport_corrupt",
            originator="BZ",
            stream="intel.caribbean",
            sequence=None,
            position=4,
            expected="records up to position 11",
            found="a record that cannot be read",
        )
    ]
    assert found.records == sum(map(len, history.values.values())) - (LENGTH - 4)


async def test_a_corrupt_record_behind_the_part_is_no_finding(history: History) -> None:
    found = await in_memory(history, Selection(stream=TOPIC, until=4), corrupt={TOPIC: 4})

    assert (found.records, found.findings) == (4, [])


async def test_a_beginning_that_moves_while_it_is_read_is_said_with_what_was_lost(history: History) -> None:
    def truncate(log: MemoryLog, fetch: int) -> None:
        if fetch == 1:
            log.beginnings[TOPIC] = 6

    found = await in_memory(history, Selection(stream=TOPIC), before_fetch=truncate, records_max=3)

    assert where(found.findings) == {("head_truncated", 4, 6), ("chain_gap", 4, 6)}
    assert found.records == LENGTH - 3


@pytest.mark.parametrize(("left", "seen"), [(None, "no topic"), (2, "an end at position 2")])
async def test_a_topic_that_is_made_anew_while_it_is_read_ends_its_stream(
    left: int | None, seen: str, history: History
) -> None:
    def remake(log: MemoryLog, fetch: int) -> None:
        if fetch == 1 and left is None:
            del log.records[TOPIC]
        elif fetch == 1:
            log.records[TOPIC] = without_holes(history.values[TOPIC][:left])

    found = await in_memory(history, Selection(stream=TOPIC), before_fetch=remake, records_max=3)

    assert where(found.findings) == {("transport_corrupt", None, 3)}
    assert [finding.found for finding in found.findings] == [seen]


async def test_a_log_that_hands_over_less_than_it_claims_is_a_finding(history: History) -> None:
    """As records with Kafka's control flag, which clients skip without a word."""
    found = await in_memory(history, ends={TOPIC: LENGTH + 2})

    assert where(found.findings) == {("transport_corrupt", None, LENGTH)}
    assert [finding.found for finding in found.findings] == ["nothing"]


@pytest.mark.parametrize("fetch", [0, 2])
async def test_a_log_that_is_away_gives_no_answer(fetch: int, history: History) -> None:
    def leave(log: MemoryLog, number: int) -> None:
        log.is_away = number == fetch

    with pytest.raises(Unavailable) as caught:
        await in_memory(history, before_fetch=leave, records_max=2)

    assert caught.value.code == "bus_unavailable"


async def test_a_log_that_goes_away_while_it_is_silent_gives_no_answer(history: History) -> None:
    def leave(log: MemoryLog, number: int) -> None:
        log.is_away = number == read_topic.SILENT_FETCHES_MAX

    with pytest.raises(Unavailable):
        await in_memory(history, Selection(stream=TOPIC), ends={TOPIC: LENGTH + 2}, before_fetch=leave)


# The command.


@pytest.fixture
async def copied(tmp_path: Path, history: History) -> Path:
    """What an auditor was given: a log and the documents; a home without keys and without a store on the same log."""
    async with embedded(tmp_path) as made:
        await load(made, history)
    history.write_documents(tmp_path / "documents")
    home = tmp_path / "home"
    home.mkdir()
    (home / "node.toml").write_text('[node]\nid = "BZ"\n[bus]\nurl = "sqlite:///../log.db"\n')
    history.write_documents(home / "documents")
    return tmp_path


def audit(folder: Path, *options: object, **more: Any) -> Ran:
    bus = f"sqlite:///{folder / 'log.db'}"
    return cli("audit", "replay", "--bus", bus, "--documents", folder / "documents", *options, **more)


async def spoil(folder: Path, history: History) -> None:
    async with embedded(folder) as made:
        values = insert(5, b"no record at all")(list(history.values[TOPIC]))
        await load(made, history.with_values([*values[:9], flipped(values[9] or b""), *values[10:]]))


def test_log_and_documents_are_all_that_an_auditor_needs(copied: Path) -> None:
    ran = audit(copied, env={"ENLACE_HOME": str(copied / "nowhere")})

    assert ran.exit == 0
    [answer] = ran.objects
    assert list(answer) == [*BEFORE, "silent", "date", "version", "commit", "community", "documents", "files"]
    assert answer["records"] == answer["verified"] > LENGTH
    assert answer["findings"] == []


def test_a_home_gives_bus_and_documents_and_is_left_as_it_is(copied: Path) -> None:
    """It has no key file and no store, before and after."""
    before = sorted((copied / "home").rglob("*"))
    ran = cli("audit", "replay", home=copied / "home")

    assert ran.exit == 0
    assert sorted((copied / "home").rglob("*")) == before
    assert ran.out == audit(copied).out


def test_the_same_bytes_and_documents_give_the_same_answer_byte_for_byte(copied: Path, history: History) -> None:
    asyncio.run(spoil(copied, history))
    (copied / "home" / "store.db").write_bytes(b"whatever a node claims")
    first, second, third = audit(copied), audit(copied), cli("audit", "replay", home=copied / "home")

    assert first.out == second.out == third.out
    assert first.exit == 1
    assert where([FindingGroup(**finding) for finding in first.objects[0]["findings"]]) == {
        ("framing_invalid", None, 5),
        ("path_invalid", None, 9),
        ("chain_gap", 9, 10),
        ("records_deleted", None, None),  # `spoil` made the topics again
    }


def test_bus_and_documents_may_come_from_the_home_each_alone(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bus that is named belongs to the folder where the command runs, not to the home."""
    monkeypatch.chdir(copied)
    by_bus = cli("audit", "replay", "--bus", "sqlite:///log.db", home=Path("home"))
    by_documents = cli("audit", "replay", "--documents", "documents", home=Path("home"))

    assert by_bus.exit == by_documents.exit == 0
    assert by_bus.out == by_documents.out


@pytest.mark.parametrize(
    ("options", "code", "path"),
    [
        (["--from", "5", "--until", "5"], "usage", "--until"),
        (["--from", "-1"], "usage", "--from"),
        (["--stream", "intel.atlantis"], "stream_unknown", "--stream"),
        (["--community", "c2hvcnQ="], "value_invalid", "--community"),
        (["--community", "A" * 43 + "="], "root_missing", None),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_replayed_ends_with_2(copied: Path, options: list[str], code: str, path: str | None) -> None:
    ran = audit(copied, *options)

    assert (ran.exit, ran.error["code"]) == (2, code)
    assert path in (None, ran.error["path"])


@pytest.mark.parametrize(
    ("options", "code", "path"),
    [
        ([], "home_missing", "--bus"),
        (["--bus", "sqlite:///log.db"], "home_missing", "--documents"),
        (["--bus", "carrier-pigeon", "--documents", "documents"], "bus_url_unknown", "--bus"),
        (["--bus", "sqlite:///log.db", "--documents", "nowhere"], "root_missing", "--documents"),
        (["--bus", "sqlite:///nowhere.db", "--documents", "documents"], "bus_unavailable", "--bus"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_log_or_documents_that_are_not_there_are_said(
    copied: Path, options: list[str], code: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(copied)
    ran = cli("audit", "replay", *options)

    assert (ran.exit, ran.error["code"], ran.error["path"]) == (4 if code == "bus_unavailable" else 2, code, path)


def test_a_document_without_effect_is_said_on_stderr(copied: Path) -> None:
    (copied / "documents" / "broken.signed").write_bytes(b"x")
    ran = audit(copied)

    assert ran.exit == 0
    assert "document_without_effect" in ran.err
