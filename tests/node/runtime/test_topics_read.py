"""A node reads the streams that NODE documents list, whatever its own topology says."""

from pathlib import Path

from node.runtime.home import open_home
from node.runtime.reading_share import ReadingShare
from node.runtime.topics_read import topics_expected, topics_of_documents
from tests.support.community import T0, YEAR, Community
from tests.support.contract import cli
from tests.support.processes import agreement, lab, ok, publish, running, search_all, settle, until

OTHER_TOPOLOGY = """
replication = 1
[[region]]
id = "central-america"
members = ["GT"]
retention_days = 30
"""


def test_streams_of_every_version_are_read_and_those_of_valid_documents_are_expected() -> None:
    community = Community()
    community.node("BZ", ["intel.caribbean", "keys"])

    assert sorted(topics_of_documents(community.governance)) == ["intel.caribbean.bz", "keys.bz"]
    assert sorted(topics_expected(community.governance, T0)) == ["intel.caribbean.bz", "keys.bz"]
    assert topics_expected(community.governance, T0 + 2 * YEAR) == {}


def test_each_topic_is_read_by_exactly_one_process(tmp_path: Path) -> None:
    """Also those of originators that the topology does not name."""
    home = lab(tmp_path, ["BZ", "GT"])["GT"]
    (home / "topology.toml").write_text(OTHER_TOPOLOGY)
    opened = open_home(home)
    governance = opened.documents().governance
    shares = [opened.places(ReadingShare(number=number, of=3), governance) for number in range(3)]

    assert sorted(topic for share in shares for topic in share) == sorted(opened.places(governance=governance))
    assert "intel.caribbean.bz" in opened.places(governance=governance)
    assert "intel.caribbean.bz" not in opened.places()


def test_nodes_with_different_topologies_read_each_other(tmp_path: Path) -> None:
    homes = lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))
    (homes["GT"] / "topology.toml").write_text(OTHER_TOPOLOGY)
    published = publish(homes["BZ"], "one")
    with running(*homes.values()):
        settle(*homes.values())
        checked = [cli("status", "--check", home=home).exit for home in homes.values()]

    assert [row["report_id"] for row in search_all(homes["GT"])] == published
    assert checked == [0, 0]


def test_a_stream_that_is_listed_later_is_read_without_a_restart(tmp_path: Path) -> None:
    """GT gets the NODE document of BZ while its daemon runs."""
    homes = lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))
    gt = homes["GT"]
    (gt / "topology.toml").write_text(OTHER_TOPOLOGY)
    hidden = [*(gt / "documents").glob("node-bz-*"), *(gt / "documents").glob("agreement-*")]
    kept = {file: file.read_bytes() for file in hidden}
    for file in hidden:
        file.unlink()
    published = publish(homes["BZ"], "one")
    with running(*homes.values()):
        settle(homes["BZ"])
        before = search_all(gt)
        for file, content in kept.items():
            file.write_bytes(content)
        until(lambda: ok("status", home=gt)[0]["counts"]["stored"] == 1)

    assert before == []
    assert [row["report_id"] for row in search_all(gt)] == published
