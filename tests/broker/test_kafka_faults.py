"""Daemons with a Kafka that is stopped or killed lose and duplicate no accepted report, and stop in time."""

import asyncio
import json
import random
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from broker.local.attached_cluster import attached_cluster
from broker.local.cluster import Cluster
from tests.support import kills, stranger
from tests.support.brokers import require_kafka
from tests.support.processes import (
    Daemon,
    agreement,
    enlace,
    lab,
    ok,
    publish,
    running,
    search_all,
    settle,
    until,
)

STOP_SECONDS_MAX = 10.0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One broker that only these tests use, stop and kill."""
    require_kafka()
    with attached_cluster(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker


@pytest.fixture
def homes(cluster: Cluster, tmp_path: Path) -> dict[str, Path]:
    """Homes of BZ and GT on it, without topics of other tests."""
    cluster.start_all()
    asyncio.run(stranger.delete_all(cluster.bootstrap))
    return lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]), bus=cluster.url)


def events(daemon: Daemon) -> list[str]:
    """The names of the events in the log of a daemon."""
    return [json.loads(line)["event"] for line in daemon.log.read_text().splitlines() if line.endswith("}")]


def test_a_node_starts_without_kafka_and_sends_when_kafka_starts(cluster: Cluster, homes: dict[str, Path]) -> None:
    """The node accepts reports all the time, and sends them in their order."""
    cluster.stop_all()
    with running(*homes.values()) as daemons:
        ids = publish(homes["BZ"], "one", "two", "three")
        [status] = ok("status", home=homes["BZ"])
        until(lambda: "unavailable" in events(daemons[0]))
        assert (status["running"], status["outbox"]["accepted"]) == (True, 3)
        assert status["bus"] != "available"

        cluster.start_all()
        settle(*homes.values())

        held = search_all(homes["GT"])
        assert [row["report_id"] for row in sorted(held, key=lambda row: row["sequence"])] == ids
        assert "available_again" in events(daemons[0])


def test_publishing_fills_the_outbox_while_kafka_is_stopped(cluster: Cluster, homes: dict[str, Path]) -> None:
    """Afterwards the outbox drains in order."""
    with running(*homes.values()):
        ids = publish(homes["BZ"], "before")
        settle(*homes.values())
        cluster.stop_all()
        ids += publish(homes["BZ"], "while", "it", "is", "away")
        cluster.start_all()
        settle(*homes.values())
        ids += publish(homes["BZ"], "after")
        settle(*homes.values())

        held = sorted(search_all(homes["GT"]), key=lambda row: row["sequence"])
        assert [row["report_id"] for row in held] == ids


def test_a_node_stops_in_time_while_kafka_is_unavailable(cluster: Cluster, homes: dict[str, Path]) -> None:
    """It has records to send, and its clients wait for brokers. It exits with 0 within ten seconds."""
    daemons = [Daemon(home) for home in homes.values()]
    for daemon in daemons:
        daemon.ready()
    publish(homes["BZ"], "sent")
    settle(*homes.values())
    cluster.kill(1)
    publish(homes["BZ"], "not sent")
    until(lambda: all("unavailable" in events(daemon) for daemon in daemons))

    ends = [daemon.stop() for daemon in daemons]

    assert [code for code, _ in ends] == [0, 0]
    assert all(seconds < STOP_SECONDS_MAX for _, seconds in ends), ends


@pytest.mark.parametrize("rounds", [kills.ROUNDS_KAFKA, pytest.param(kills.ROUNDS_SLOW, marks=pytest.mark.slow)])
def test_each_accepted_report_is_stored_once_by_each_recipient_although_kafka_is_killed(
    rounds: int, cluster: Cluster, tmp_path: Path
) -> None:
    """In each round the broker and nodes are killed with `kill -9` while they work. The broker keeps its data."""
    cluster.start_all()
    asyncio.run(stranger.delete_all(cluster.bootstrap))
    waiting: list[threading.Thread] = []

    def kill_broker(_: random.Random) -> None:
        for thread in waiting:
            thread.join()
        cluster.kill(1)
        waiting[:] = [threading.Thread(target=cluster.start, args=(1,))]  # nodes are killed while it starts
        waiting[0].start()

    try:
        kills.campaign(kills.exchange(tmp_path, cluster.url), rounds, kill_broker)
    finally:
        for thread in waiting:
            thread.join()


def test_a_compression_bomb_in_one_partition_does_not_stop_the_node_or_other_partitions(
    cluster: Cluster, homes: dict[str, Path]
) -> None:
    """400 KB that expand to 400 MB, in a topic without our settings. After a restart the result is the same."""
    topic = "intel.transatlantic.gt"
    asyncio.run(stranger.delete(cluster.bootstrap, topic))
    asyncio.run(stranger.create(cluster.bootstrap, topic))
    asyncio.run(stranger.write(cluster.bootstrap, topic, [stranger.bomb(400)], compression_type="gzip"))

    for word in ("before the restart", "after the restart"):
        with running(*homes.values()) as [_, reader]:
            publish(homes["BZ"], word)
            ok("status", "--until", "drained", home=homes["BZ"])
            until(partial(search_all, homes["GT"], text=word))
            until(
                lambda: (
                    "transport_corrupt"
                    in {finding["code"] for finding in ok("status", home=homes["GT"])[0]["findings"]}
                )
            )
            peak = _peak_mb(reader.process.pid)
            [status] = ok("status", home=homes["GT"])
            [row] = [stream for stream in status["streams"] if stream["topic"] == topic]
            assert (row["position"], row["lag"]) == (0, 1)
            assert [finding["code"] for finding in status["findings"]] == ["transport_corrupt"]
            assert peak < 300


def _peak_mb(pid: int) -> int:
    """The highest resident size of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    [line] = [line for line in lines if line.startswith("VmHWM:")]
    return int(line.split()[1]) // 1024


def test_a_command_that_needs_kafka_reports_that_it_is_unavailable(cluster: Cluster, homes: dict[str, Path]) -> None:
    """Exit code 4: the same call may succeed later."""
    cluster.stop_all()

    code, [answer] = enlace("broker", "check", home=homes["BZ"])

    assert code == 4
    assert answer["error"]["code"] == "bus_unavailable"
    cluster.start_all()
