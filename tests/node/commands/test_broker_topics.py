"""Which topics `broker provision` makes and `broker check` asks for."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from broker import topology as topologies
from broker.log import Drift, Provisioned, TopicSpec
from node.commands import broker_topics
from node.commands.broker_topics import members_of, wanted_topics
from node.commands.init import init
from node.runtime.home import open_home
from tests.support.contract import ok
from tests.support.memory_log import MemoryLog
from tests.support.processes import agreement, lab

NODES = ["BZ", "GT", "MX"]


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """An exchange of three nodes on the shipped topology, which has sixty members."""
    return lab(tmp_path_factory.mktemp("topics"), NODES, agreement("BZ-GT", ["BZ", "GT"]))


def test_provisioning_a_lab_again_creates_nothing_and_nothing_is_missing(homes: dict[str, Path]) -> None:
    """`lab` makes the topics of its nodes; the other members of the topology have no NODE document here."""
    [again] = ok("broker", "provision", home=homes["BZ"])
    [checked] = ok("broker", "check", home=homes["GT"])

    assert (again["created"], again["drift"]) == ([], [])
    assert checked["drift"] == []


def test_only_topics_of_the_community_and_of_the_registry_are_wanted(homes: dict[str, Path]) -> None:
    home = open_home(homes["MX"])
    specs = wanted_topics(home)

    assert members_of(home) == tuple(NODES)
    assert {spec.topic.rpartition(".")[2] for spec in specs} == {"bz", "gt", "mx", "registry"}
    assert specs == topologies.specs_of(home.topology, NODES)


def test_a_home_that_has_not_joined_gets_its_own_topics(tmp_path: Path) -> None:
    init(tmp_path / "es", "ES", "sqlite:///log.db")

    [answer] = ok("broker", "provision", home=tmp_path / "es")

    assert {topic.rpartition(".")[2] for topic in answer["created"]} == {"es", "registry"}
    assert answer["drift"] == []


class SlowLog(MemoryLog):
    """A cluster that shows a new topic only at the third look."""

    looks = 0

    async def provision(self, specs: Sequence[TopicSpec]) -> Provisioned:
        """Create all topics but the first, which exists with too few replicas."""
        return Provisioned(created=tuple(spec.topic for spec in specs[1:]), changed=())

    async def check(self, specs: Sequence[TopicSpec]) -> tuple[Drift, ...]:
        """Every new topic is missing at the first two looks."""
        self.looks += 1
        missing = specs[1:] if self.looks < 3 else ()
        late = [Drift(topic=spec.topic, setting="topic", expected="present", found="missing") for spec in missing]
        return (Drift(topic=specs[0].topic, setting="replication", expected="3", found="1"), *late)


def test_a_topic_that_was_just_created_is_not_called_missing(
    homes: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stays different is listed all the same."""
    log = SlowLog(records={})
    monkeypatch.setattr("node.runtime.open_node.opened_bus", lambda *_: log)
    monkeypatch.setattr(broker_topics, "POLL_SECONDS", 0)

    done = asyncio.run(broker_topics.provision(open_home(homes["BZ"])))

    assert done.created
    assert [difference.setting for difference in done.drift] == ["replication"]
    assert log.looks == 3
