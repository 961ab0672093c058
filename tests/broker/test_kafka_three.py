"""Each of three brokers is killed in turn: publishing continues, and no report is lost or duplicated."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker import topology as topologies
from broker.bus import open_log
from broker.local.attached_cluster import attached_cluster
from broker.local.cluster import Cluster
from tests.support.brokers import require_kafka
from tests.support.exchange import report
from tests.support.processes import (
    ENLACE,
    agreement,
    lab,
    ok,
    running,
    search_all,
    settle,
)

REPORTS = 60  # while each broker is down


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three brokers that only these tests use."""
    require_kafka()
    with attached_cluster(tmp_path_factory.mktemp("kafka"), brokers=3) as brokers:
        yield brokers


@pytest.mark.slow
def test_each_of_three_brokers_is_killed_under_load_and_nothing_is_lost(cluster: Cluster, tmp_path: Path) -> None:
    """While it is down, all published reports are sent and read. At the end there is no finding."""
    homes = lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]), bus=cluster.url)
    accepted: list[str] = []
    with running(*homes.values()):
        for number in (1, 2, 3):
            texts = [f"Report {index} while broker {number} is down." for index in range(REPORTS)]
            lines = [json.dumps(report(narrative={"text": text, "language": "en"})) for text in texts]
            writing = subprocess.Popen(
                [str(ENLACE), "publish", "-", "--json", "--home", str(homes["BZ"])],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            cluster.kill(number)
            out, _ = writing.communicate("\n".join(lines).encode(), timeout=60)
            accepted += [json.loads(line)["report_id"] for line in out.splitlines()]
            settle(*homes.values())
            assert number not in cluster.pids
            cluster.start(number)
        settle(*homes.values())

        held = [row["report_id"] for row in search_all(homes["GT"])]
        [status] = ok("status", home=homes["GT"])
        assert len(accepted) == REPORTS * 3
        assert sorted(held) == sorted(accepted)
        assert (status["findings"], status["counts"]["quarantined"]) == ([], 0)


def test_provisioned_topics_on_three_brokers_have_no_drift(cluster: Cluster, tmp_path: Path) -> None:
    """Replicas and settings are as the topology requires, and a second call changes nothing."""
    specs = topologies.specs_of(topologies.default(), ["BZ"])

    async def provisioned() -> None:
        log = open_log(cluster.url, tmp_path)
        try:
            await log.provision(specs)
            again = await log.provision(specs)
            assert (again.created, again.changed) == ((), ())
            assert await log.check(specs) == ()
        finally:
            await log.close()

    asyncio.run(provisioned())
