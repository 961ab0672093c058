"""Streams, topics and rights that follow from the regions of a topology."""

import pytest

from broker.log import TopicSpec
from broker.streams import REGISTRY, stream_of, topic_of
from broker.topology import (
    KEYS_EXTRA_DAYS,
    Region,
    Topology,
    default,
    default_region,
    may_read,
    may_write,
    retention_days,
    specs_of,
    streams_of,
    topics_of,
)

SMALL = Topology(
    replication=2,
    regions=(
        Region(id="caribbean", members=("BZ", "JM"), retention_days=30),
        Region(id="isthmus", members=("BZ", "GT"), retention_days=90),
    ),
)


def test_a_topic_is_the_stream_and_the_originator_in_lower_case() -> None:
    """One topic for each originator inside a region."""
    assert topic_of("intel.caribbean", "BZ") == "intel.caribbean.bz"
    assert topic_of("governance", REGISTRY) == "governance.registry"


def test_the_stream_and_originator_of_a_topic() -> None:
    """The way back from `topic_of`."""
    for topic in [*topics_of(default()), "intel.a-b1.x9"]:
        assert topic_of(*stream_of(topic)) == topic


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "keys",
        "keys.",
        ".bz",
        "keys.BZ",
        "Keys.bz",
        "a.b.c.bz",
        "keys.b",
        "keys.9z",
        "keys.b_z",
        "keys.é",
        "x" * 65 + ".bz",
    ],
)
def test_a_name_that_is_not_a_topic_is_refused(topic: str) -> None:
    """A cluster may hold topics of other systems."""
    with pytest.raises(ValueError, match="not the topic of a stream"):
        stream_of(topic)


def test_a_member_writes_its_regions_and_its_control_streams() -> None:
    """Nothing of a region that does not list it."""
    assert streams_of(SMALL, "BZ") == (
        "intel.caribbean",
        "intel.isthmus",
        "keys",
        "receipts",
        "checkpoints",
        "proposals",
    )
    assert streams_of(SMALL, "GT")[0] == "intel.isthmus"
    assert streams_of(SMALL, REGISTRY) == ("governance", "checkpoints")


def test_a_stranger_writes_and_reads_nothing() -> None:
    """Rights are denied by default."""
    assert streams_of(SMALL, "MX") == ()
    assert not may_write(SMALL, "MX", "keys.mx")
    assert not may_read(SMALL, "MX", "keys.bz")


def test_no_node_writes_for_another_and_every_member_reads_everything() -> None:
    """The rights that the broker enforces."""
    for node in (*SMALL.members, REGISTRY):
        for topic in topics_of(SMALL):
            assert may_write(SMALL, node, topic) == (stream_of(topic)[1] == node)
            assert may_read(SMALL, node, topic)
        assert not may_read(SMALL, node, "foreign.topic.xx")


def test_a_report_without_a_region_goes_to_the_first_that_lists_its_originator() -> None:
    """In the order of the topology."""
    assert default_region(SMALL, "BZ") == "caribbean"
    assert default_region(SMALL, "GT") == "isthmus"
    assert default_region(SMALL, "MX") is None


def test_grants_outlive_the_reports_that_need_them() -> None:
    """Control streams are kept as long as the longest region, grants longer, governance for ever."""
    assert retention_days(SMALL, "intel.caribbean") == 30
    assert retention_days(SMALL, "receipts") == 90
    assert retention_days(SMALL, "keys") == 90 + KEYS_EXTRA_DAYS
    assert retention_days(SMALL, "governance") is None


def test_specifications_may_be_made_for_some_originators_only() -> None:
    """A laboratory provisions the topics of its nodes, and the registry's."""
    specs = specs_of(SMALL, ["JM"])

    assert [spec.topic for spec in specs] == [
        "checkpoints.jm",
        "checkpoints.registry",
        "governance.registry",
        "intel.caribbean.jm",
        "keys.jm",
        "proposals.jm",
        "receipts.jm",
    ]
    assert specs[3] == TopicSpec(topic="intel.caribbean.jm", replication=2, retention_days=30)


def test_the_default_topology_holds_sixty_states_in_five_regions() -> None:
    """33 of CELAC and 27 of the EU, all of them transatlantic."""
    topology = default()
    by_id = {region.id: region.members for region in topology.regions}

    assert list(by_id) == ["caribbean", "central-america", "south-america", "europe", "transatlantic"]
    assert len(topology.members) == 60
    assert topology.members == by_id["transatlantic"]
    assert len(by_id["europe"]) == 27
    america = {*by_id["caribbean"], *by_id["central-america"], *by_id["south-america"]}
    assert len(america) == 33
    assert not america & set(by_id["europe"])
    assert [default_region(topology, code) for code in ("BZ", "GT", "MX", "CO", "ES")] == [
        "caribbean",
        "central-america",
        "central-america",
        "south-america",
        "europe",
    ]
    assert len(topics_of(topology)) == len(set(topics_of(topology))) > 300


@pytest.mark.parametrize(
    ("region", "reason"),
    [
        ({"id": "Caribbean"}, "region id"),
        ({"id": "a.b"}, "region id"),
        ({"id": "x" * 60}, "region id"),
        ({"members": ()}, "no members"),
        ({"members": ("bz",)}, "not a node code"),
        ({"members": (REGISTRY,)}, "not a node code"),
        ({"members": ("BZ", "BZ")}, "twice"),
        ({"retention_days": 0}, "retention_days"),
    ],
)
def test_a_region_that_could_not_become_topics_is_refused(region: dict[str, object], reason: str) -> None:
    """The error says what is wrong."""
    lawful: dict[str, object] = {"id": "caribbean", "members": ("BZ",), "retention_days": 30}
    with pytest.raises(ValueError, match=reason):
        Region(**(lawful | region))  # type: ignore[arg-type]


def test_a_topology_needs_regions_of_different_names_and_a_replica() -> None:
    """There is no default for them."""
    region = SMALL.regions[0]
    for replication, regions in ((0, (region,)), (3, ()), (3, (region, region))):
        with pytest.raises(ValueError, match=r"replication|region"):
            Topology(replication=replication, regions=regions)
