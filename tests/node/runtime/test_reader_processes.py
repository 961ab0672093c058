"""`[node] processes`: each stream is read by exactly one process, and all processes end together."""

import os
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from broker import topology as topologies
from node.runtime.home import open_home
from node.runtime.reading_share import ReadingShare
from tests.support.contract import step
from tests.support.processes import (
    STOP_SECONDS_MAX,
    Daemon,
    agreement,
    gone,
    lab,
    ok,
    publish,
    search_all,
    until,
)

WRITERS = ("BZ", "CO", "MX", "PA")
READER = "GT"
TWO = {"ENLACE_NODE__PROCESSES": "2"}
RESTART = 75


@pytest.fixture
def homes(tmp_path: Path) -> dict[str, Path]:
    """Four that send and one that reads."""
    return lab(tmp_path, [*WRITERS, READER], agreement("ALL", [*WRITERS, READER]))


def children(daemon: Daemon) -> list[int]:
    """The processes that a daemon has started and that run."""
    pid = daemon.process.pid
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def all_gone(pids: list[int]) -> bool:
    return all(gone(pid) for pid in pids)


@pytest.mark.parametrize("processes", [1, 2, 3, 64])
def test_each_originator_is_in_one_share(processes: int) -> None:
    """Those of the topology are dealt out evenly; of anybody else the daemon itself takes care."""
    members = topologies.default().members
    shares = [ReadingShare(number=number, of=processes) for number in range(processes)]
    counts = [sum(share.holds(member, members) for member in members) for share in shares]

    assert all(sum(share.holds(member, members) for share in shares) == 1 for member in members)
    assert max(counts) - min(counts) <= 1
    assert [share.holds("ZZ", members) for share in shares] == [True] + [False] * (processes - 1)


@pytest.mark.parametrize("own", [*WRITERS, READER])
def test_the_daemon_itself_reads_its_own_streams(own: str, homes: dict[str, Path]) -> None:
    home = open_home(homes[own])
    reads = [home.reads(ReadingShare(number=number, of=2)) for number in range(2)]

    assert [share(own) for share in reads] == [True, False]
    assert all(sum(share(member) for share in reads) == 1 for member in home.topology.members)


def test_two_processes_read_everything_once(homes: dict[str, Path]) -> None:
    """From originators of both shares, with a grant that comes late, and what was there before a restart."""
    members = topologies.default().members
    assert {ReadingShare(number=1, of=2).holds(code, members) for code in WRITERS} == {True, False}
    sent: list[str] = []
    for round_ in ("first", "second"):
        daemon = Daemon(homes[READER], TWO)
        daemon.ready()
        assert len(children(daemon)) == 1
        for code in WRITERS:
            sent += publish(homes[code], f"{round_} {code}", f"another {round_} {code}")
            step(homes[code])
        ok("status", "--until", "caught-up", home=homes[READER])
        assert daemon.stop()[0] == 0
    held = [row["report_id"] for row in search_all(homes[READER])]
    [status] = ok("status", home=homes[READER])

    assert sorted(held) == sorted(sent)
    assert (status["findings"], status["counts"]["quarantined"], status["counts"]["waiting"]) == ([], 0, 0)


def test_a_message_that_waits_is_retried_by_the_process_that_reads_its_originator(
    homes: dict[str, Path], tmp_path: Path
) -> None:
    """Of each share one, without an agreement at first."""
    [document] = (homes[READER] / "documents").glob("agreement-*")
    kept = document.rename(tmp_path / document.name)
    daemon = Daemon(homes[READER], TWO)
    daemon.ready()
    sent = [id_ for code in WRITERS for id_ in publish(homes[code], f"from {code}")]
    step(*(homes[code] for code in WRITERS))
    until(lambda: ok("status", home=homes[READER])[0]["counts"]["waiting"] == len(WRITERS))
    ok("governance", "install", kept, home=homes[READER])
    until(lambda: ok("status", home=homes[READER])[0]["counts"]["stored"] == len(WRITERS))
    assert daemon.stop()[0] == 0

    assert sorted(row["report_id"] for row in search_all(homes[READER])) == sorted(sent)


def test_children_end_with_their_daemon_however_that_ends(homes: dict[str, Path]) -> None:
    """SIGTERM and kill -9; the next daemon starts at once."""
    for end in (Daemon.stop, Daemon.kill):
        daemon = Daemon(homes[READER], TWO | {"ENLACE_NODE__PROCESSES": "3"})
        daemon.ready()
        pids = children(daemon)
        assert len(pids) == 2
        end(daemon)
        until(partial(all_gone, pids))


def test_a_daemon_stops_in_time_although_its_children_do_not(homes: dict[str, Path]) -> None:
    """They are killed, all at once."""
    daemon = Daemon(homes[READER], {"ENLACE_NODE__PROCESSES": "3"})
    daemon.ready()
    pids = children(daemon)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    code, seconds = daemon.stop()

    assert (code, len(pids)) == (0, 2)
    assert seconds < STOP_SECONDS_MAX
    until(partial(all_gone, pids))
    assert daemon.log.read_text().count("child_killed") == len(pids)


def test_a_child_that_is_killed_ends_the_daemon_which_asks_for_a_new_process(homes: dict[str, Path]) -> None:
    """The daemon does not continue to read its own share without the share of the child."""
    daemon = Daemon(homes[READER], TWO)
    daemon.ready()
    [child] = children(daemon)
    begun = time.monotonic()
    os.kill(child, signal.SIGKILL)

    assert daemon.process.wait(timeout=30) == RESTART
    assert time.monotonic() - begun < 10
    assert daemon.process.stdout is not None
    assert "child_ended" in daemon.process.stdout.read().decode() + daemon.log.read_text()
    daemon.kill()
