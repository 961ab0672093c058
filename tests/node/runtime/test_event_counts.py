"""Log events that others can cause are counted: the first one is a line, and no count is lost."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

import pytest
import structlog
from structlog.typing import EventDict

from node.runtime import event_counts
from node.runtime.event_counts import INTERVAL_SECONDS, EventCounts
from tests.support.processes import Daemon, agreement, lab, ok, until

log = structlog.get_logger()


class Recorder:
    """A clock that a test moves, counts that use it, and the events that become lines."""

    def __init__(self) -> None:
        self.now = 100.0
        self.counts = EventCounts(lambda: self.now)
        self.lines: list[EventDict] = []

    def keep(self, _logger: object, level: str, event: EventDict) -> EventDict:
        self.lines.append({**event, "level": level})
        raise structlog.DropEvent

    def seen(self) -> list[tuple[str, int | None]]:
        """Event and count of each line."""
        return [(line.get("of", line["event"]), line.get("times")) for line in self.lines]


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    made, before = Recorder(), structlog.get_config()
    structlog.configure(processors=[made.counts, made.keep], wrapper_class=structlog.BoundLogger)
    yield made
    structlog.configure(**before)


def refused(topic: str = "intel.caribbean.bz", code: str = "framing_invalid", records: int = 1) -> None:
    log.warning("record_quarantined", topic=topic, code=code, records=records)


def test_the_first_event_is_a_line_and_the_next_ones_are_counted(recorder: Recorder) -> None:
    for _ in range(1000):
        refused(records=3)
    recorder.now += INTERVAL_SECONDS
    recorder.counts.write()

    assert recorder.seen() == [("record_quarantined", None), ("record_quarantined", 999)]
    counted = recorder.lines[1]
    assert (counted["concerned"], counted["code"], counted["records"], counted["seconds"]) == (
        "intel.caribbean.bz",
        "framing_invalid",
        3 * 999,
        60,
    )


def test_events_of_another_code_or_of_another_topic_are_counted_by_themselves(recorder: Recorder) -> None:
    """A flood in one topic does not hide the first event about another one."""
    for _ in range(5):
        refused()
        refused(code="signature_invalid")
        refused(topic="intel.caribbean.mx")

    assert recorder.seen() == [("record_quarantined", None)] * 3


def test_nothing_is_written_before_the_interval_ends(recorder: Recorder) -> None:
    refused()
    refused()
    recorder.now += INTERVAL_SECONDS - 1
    recorder.counts.write()

    assert recorder.seen() == [("record_quarantined", None)]


def test_a_flood_that_goes_on_is_one_line_for_each_interval(recorder: Recorder) -> None:
    for _ in range(3):
        refused()
        refused()
        recorder.now += INTERVAL_SECONDS
        recorder.counts.write()

    assert recorder.seen() == [("record_quarantined", times) for times in (None, 1, 2, 2)]


def test_after_an_interval_without_events_the_next_one_is_a_line_again(recorder: Recorder) -> None:
    refused()
    recorder.now += INTERVAL_SECONDS
    recorder.counts.write()
    refused()

    assert recorder.seen() == [("record_quarantined", None)] * 2


def test_the_count_is_logged_at_the_level_of_the_events(recorder: Recorder) -> None:
    """A configured level shows both or hides both."""
    for _ in range(2):
        refused()
        log.error("stream_fault", code="transport_corrupt", topic="keys.bz", position=1)
    recorder.counts.write(everything=True)

    assert [line["level"] for line in recorder.lines] == ["warning", "error", "warning", "error"]


def test_other_events_are_never_counted(recorder: Recorder) -> None:
    for _ in range(3):
        log.error("unavailable", task="relay", reason="r")

    assert recorder.seen() == [("unavailable", None)] * 3


def test_the_number_of_groups_is_limited_and_what_is_above_is_counted_together(recorder: Recorder) -> None:
    with patch.object(event_counts, "GROUPS_MAX", 2):
        for number in range(6):
            refused(topic=f"topic {number}")
    recorder.counts.write(everything=True)

    assert recorder.seen() == [*[("record_quarantined", None)] * 3, ("several", 3)]


def append(file: Path, position: int) -> None:
    """Append an unsigned record to the topic of BZ, as anybody can who may write to it."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(
            "INSERT INTO record (topic, position, value, appended_at) VALUES (?, ?, ?, 0)",
            ("intel.caribbean.bz", position, b"unsigned %d" % position),
        )


def wait_for(home: Path, records: int) -> None:
    """Wait until so many records are in quarantine."""
    until(lambda: ok("status", home=home)[0]["counts"]["quarantined"] == records)


def test_a_daemon_logs_a_flood_once_and_its_count_when_it_stops(tmp_path: Path) -> None:
    """Unsigned records that are read in many steps do not fill the log, and none of them is left out of the counts."""
    homes = lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))
    daemon = Daemon(homes["GT"])
    try:
        daemon.ready()
        for number in range(10):
            append(tmp_path / "lab" / "log.db", number)
            wait_for(homes["GT"], number + 1)
    finally:
        daemon.stop()
    lines = [json.loads(line) for line in daemon.log.read_text().splitlines() if line.startswith("{")]
    about = [line for line in lines if "record_quarantined" in (line["event"], line.get("of"))]

    assert [line["event"] for line in about] == ["record_quarantined", "events_repeated"]
    assert sum(line["records"] for line in about) == 10
