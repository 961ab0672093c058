"""Real daemons, commands and a replay on an embedded log to which somebody else wrote with SQL."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import (
    STOP_SECONDS_MAX,
    Daemon,
    agreement,
    enlace,
    lab,
    ok,
    publish,
    running,
    settle,
    until,
)

INSERT = "INSERT INTO record (topic, position, value, appended_at) VALUES "
HOSTILE = (
    f"{INSERT} ('intel.caribbean.bz', 9223372036854775807, x'00', 0)",
    f"{INSERT} ('intel.caribbean.bz', 'zz', x'00', 0)",
    f"{INSERT} ('intel.caribbean.bz', 0.5, x'00', 0)",
    f"{INSERT} ('intel.caribbean.bz', -1, 'text', 'then')",
    f"{INSERT} ('receipts.bz', 5, zeroblob(120000000), 0)",
    f"{INSERT} ('checkpoints.bz', 0, NULL, x'ff')",
    "UPDATE topic SET beginning = 'x' WHERE name = 'keys.bz'",
    "UPDATE topic SET beginning = 9223372036854775807 WHERE name = 'proposals.bz'",
    "UPDATE topic SET beginning = 9223372036854775807 WHERE name = 'proposals.gt'",
    "UPDATE sqlite_sequence SET seq = 'zz'",
    "INSERT INTO topic VALUES (x'ff', 0, 0)",
    "INSERT INTO topic VALUES (NULL, 'x', 0.5)",
)
ENDLESS = (
    "ALTER TABLE record RENAME TO kept",
    "CREATE VIEW record AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) "
    "SELECT x AS id, 'intel.caribbean.bz' AS topic, -x AS position, x'00' AS value, 0 AS appended_at FROM n",
)
REPAIR = ("DROP VIEW record", "ALTER TABLE kept RENAME TO record")


@pytest.fixture
def homes(tmp_path: Path) -> dict[str, Path]:
    """BZ and GT; two reports of BZ are in the log."""
    made = lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))
    with running(made["BZ"]):
        publish(made["BZ"], "one", "two")
        settle(made["BZ"])
    return made


def change(homes: dict[str, Path], *statements: str) -> None:
    """Change the log of the laboratory."""
    with closing(sqlite3.connect(homes["GT"].parent / "log.db")) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def status(home: Path) -> dict[str, Any]:
    [answer] = ok("status", home=home)
    return answer


def findings(home: Path) -> set[tuple[str, str]]:
    """Code and stream of each finding that stands."""
    return {(finding["code"], finding["stream"]) for finding in status(home)["findings"]}


def replay(homes: dict[str, Path]) -> tuple[int, dict[str, Any]]:
    """Exit code and answer of a replay of the log."""
    code, [answer, *_] = enlace("audit", "replay", home=homes["GT"])
    return code, answer


def test_a_daemon_and_a_replay_outlive_a_log_that_anybody_wrote_to(homes: dict[str, Path]) -> None:
    """The reports are stored, the originator goes on in the same streams, and each wrong topic is a finding."""
    change(homes, *HOSTILE)
    with running(homes["GT"], homes["BZ"]):
        publish(homes["BZ"], "three")
        until(lambda: status(homes["GT"])["counts"]["stored"] == 3)
        malformed = {("transport_malformed", stream) for stream in ("intel.caribbean", "keys", "proposals")}
        until(lambda: findings(homes["GT"]) >= malformed)
    code, answer = replay(homes)

    assert code == 1, answer
    assert {(finding["code"], finding["stream"]) for finding in answer["findings"]} >= {
        *malformed,
        ("record_too_large", "receipts"),
        ("framing_invalid", "checkpoints"),
    }


def test_a_daemon_waits_for_a_log_that_is_unusable_and_stops_in_time(homes: dict[str, Path]) -> None:
    """`status` has the reason, a replay refuses the log with its code, and after a repair everything goes on."""
    change(homes, *ENDLESS)
    daemon = Daemon(homes["GT"])
    daemon.ready()
    until(lambda: "unavailable" in daemon.log.read_text())
    first, seconds = daemon.stop()

    assert (first, seconds < STOP_SECONDS_MAX) == (0, True), daemon.log.read_text()
    with running(homes["GT"]):
        assert "does not have the tables of a log" in status(homes["GT"])["bus"]
        code, answer = replay(homes)
        change(homes, *REPAIR)
        until(lambda: status(homes["GT"])["counts"]["stored"] == 2)
    assert (code, answer["error"]["code"]) == (2, "bus_unusable")
