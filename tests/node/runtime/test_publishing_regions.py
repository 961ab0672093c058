"""Intake checks what sealing will check: the region of a report is one that the NODE document lists."""

import json
from pathlib import Path
from typing import Any

import pytest

from broker.topology import Region, Topology
from node.errors import UsageError
from node.runtime.publishing_regions import publishing_topology
from tests.support.community import STREAMS, T0, YEAR, Community
from tests.support.contract import cli
from tests.support.exchange import TOPOLOGY, report
from tests.support.processes import agreement, lab, ok


def without(*streams: str) -> Community:
    """A community of ES, whose NODE document does not list these streams."""
    community = Community()
    community.node("ES", [stream for stream in STREAMS if stream not in streams])
    return community


def regions_of(topology: Topology, code: str) -> list[str]:
    return [region.id for region in topology.regions if code in region.members]


def test_a_region_counts_only_if_the_node_document_lists_it() -> None:
    """The other members of the region stay."""
    made = publishing_topology(TOPOLOGY, "ES", without("intel.caribbean").governance, T0)

    assert regions_of(made, "ES") == ["europe"]
    assert regions_of(made, "GT") == ["caribbean"]


def test_a_node_that_has_not_joined_may_use_every_region() -> None:
    assert publishing_topology(TOPOLOGY, "GT", without().governance, T0) == TOPOLOGY


def test_an_expired_document_still_says_which_regions_are_its_own() -> None:
    made = publishing_topology(TOPOLOGY, "ES", without("intel.europe").governance, T0 + 2 * YEAR)

    assert regions_of(made, "ES") == ["caribbean"]


def test_a_node_document_without_a_region_of_the_topology_is_an_error() -> None:
    alone = Topology(replication=1, regions=(Region(id="caribbean", members=("ES",), retention_days=1),))
    with pytest.raises(UsageError) as error:
        publishing_topology(alone, "ES", without("intel.caribbean").governance, T0)

    assert error.value.code == "topology_invalid"


def handed_in(home: Path, **changes: Any) -> dict[str, Any]:
    [answer] = cli("publish", "-", home=home, data=json.dumps(report(**changes)).encode()).objects
    return answer


def test_intake_refuses_a_region_that_the_node_document_does_not_list(tmp_path: Path) -> None:
    """The topology of the home was widened after the document was signed."""
    home = lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))["BZ"]
    regions = ("north", "caribbean", "central-america")
    (home / "topology.toml").write_text(
        "replication = 1\n"
        + "".join(f'[[region]]\nid = "{name}"\nmembers = ["BZ", "GT"]\nretention_days = 30\n' for name in regions)
    )
    refused, accepted = handed_in(home, region="north"), handed_in(home)
    [waiting] = ok("outbox", "list", home=home)

    assert refused["outcome"] == "refused"
    assert [(error["path"], error["code"], error["allowed"]) for error in refused["errors"]] == [
        ("region", "unknown_code", ["caribbean", "central-america"])
    ]
    assert accepted["outcome"] == "accepted"
    assert waiting["region"] == "caribbean"


def test_a_report_that_waits_for_a_document_says_so(tmp_path: Path) -> None:
    """Without a NODE document of this node nothing is sealed; the report is accepted."""
    home = lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))["BZ"]
    [document] = (home / "documents").glob("node-bz-*")
    document.unlink()
    answer = handed_in(home)

    assert answer["outcome"] == "accepted"
    assert [warning["code"] for warning in answer["warnings"]] == ["sealing_waits"]
    assert "BZ has no valid NODE document" in answer["warnings"][0]["message"]
