"""Real reports go through running nodes whose stores are PostgreSQL databases.

As in test_real_input.py, tests/support/oracle.py computes what each node must hold. An ordinary run has three of the
fourteen nodes, on a real Kafka; `make slow` has all, on the embedded log.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from node.commands.broker_topics import provision_homes
from tests.end_to_end.test_real_input import AGREEMENTS, ATTACKS, CROSSING, MAPPINGS, SEIZURES
from tests.support import clusters, oracle, stores
from tests.support.data import DATA
from tests.support.oracle import NODES, Expected, Key
from tests.support.processes import enlace, ok, running, search_all, settle
from tests.support.walkthrough import SECONDS_MAX

SAMPLE = ("CO", "EC", "PE")

pytestmark = pytest.mark.skipif(
    not (ATTACKS.is_file() and SEIZURES.is_file()),
    reason=f"no public data at {DATA}: set ENLACE_DATA to the folder of pirate-attacks and seizures-colombia-2018",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What the nodes answered, after their daemons have ended."""

    begun: datetime
    accepted: int
    again: Counter[str]
    """The counts of the second imports at CO, which has rows in both files."""

    changed: bool
    """Whether the second imports changed its store."""

    status: Mapping[str, dict[str, Any]]
    held: Mapping[str, list[dict[str, Any]]]
    audit: tuple[int, dict[str, Any]]


def imports(homes: Mapping[str, Path]) -> Counter[str]:
    """Import both files at each node; returns the sums of the counts."""
    counts: Counter[str] = Counter()
    for mapping, file, nodes in (("seizures-colombia", SEIZURES, ["CO"]), ("pirate-attacks", ATTACKS, list(homes))):
        for node in nodes:
            _, [answer] = enlace("import", MAPPINGS / f"{mapping}.toml", file, home=homes[node])
            counts.update({name: answer[name] for name in ("accepted", "duplicate", "refused")})
    return counts


@pytest.fixture(
    scope="module", params=[pytest.param(SAMPLE, id="three"), pytest.param(NODES, id="all", marks=pytest.mark.slow)]
)
def exchange(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exchange:
    """The imports, the crossing and the imports again, at some or all nodes of the walk-through."""
    lab = tmp_path_factory.mktemp("real-input-postgres") / "lab"
    ok("lab", lab, "--nodes", ",".join(NODES), "--agreements", AGREEMENTS)
    homes = {node: lab / node.lower() for node in request.param}
    stores.use(stores.POSTGRESQL, homes.values())
    with ExitStack() as ending:
        if len(homes) < len(NODES):
            ending.enter_context(patch.dict(os.environ, {"ENLACE_BUS__URL": clusters.bus()}))
            asyncio.run(provision_homes(lab / node.lower() for node in NODES))
        return _crossing(homes)


def _crossing(homes: Mapping[str, Path]) -> Exchange:
    begun = datetime.now(UTC)
    accepted = imports(homes)["accepted"]
    with running(*homes.values()):
        settle(*homes.values(), seconds=SECONDS_MAX)
        status = {node: ok("status", home=home)[0] for node, home in homes.items()}
    before = stores.contents(homes["CO"])
    again = imports({"CO": homes["CO"]})
    changed = stores.contents(homes["CO"]) != before
    held = {node: search_all(home) for node, home in homes.items()}
    code, [answer] = enlace("audit", "replay", home=homes["CO"])
    return Exchange(
        begun=begun,
        accepted=accepted,
        again=again,
        changed=changed,
        status=status,
        held=held,
        audit=(code, answer),
    )


@pytest.fixture(scope="module")
def reports(exchange: Exchange) -> list[Expected]:
    """Every report that the nodes of the exchange must publish."""
    read = oracle.seizures(DATA, MAPPINGS).reports + oracle.attacks(DATA, MAPPINGS).reports
    assert len(read) == CROSSING
    return [report for report in read if report.originator in exchange.held]


@pytest.fixture(scope="module")
def expected(exchange: Exchange, reports: list[Expected]) -> Mapping[str, set[Key]]:
    """The reports that each node must hold."""
    days = {
        (item["originator"], item["report_id"]): datetime.fromisoformat(item["created_at"]).astimezone(UTC).date()
        for items in exchange.held.values()
        for item in items
    }
    agreed = oracle.agreements(AGREEMENTS)
    return oracle.holdings(reports, agreed, at=exchange.begun, day=lambda report: days[report.key])


def test_each_node_on_postgresql_holds_exactly_what_files_and_agreements_require(
    exchange: Exchange, expected: Mapping[str, set[Key]]
) -> None:
    """Each node holds once every report that it must hold, and no other; some are of other nodes."""
    for node, items in exchange.held.items():
        held = [(item["originator"], item["report_id"]) for item in items]
        assert len(held) == len(set(held)), f"{node} holds a report twice"
        assert set(held) == expected[node], node
    assert sum(item["originator"] != node for node, items in exchange.held.items() for item in items) > 100


def test_each_field_of_each_report_arrives_on_postgresql(exchange: Exchange, reports: list[Expected]) -> None:
    """Every holder has the same report; the system adds only the time of intake."""
    by_key = {report.key: report.report for report in reports}
    for node, items in exchange.held.items():
        for item in items:
            body = {name: value for name, value in item["report"].items() if name != "created_at"}
            assert body == by_key[item["originator"], item["report_id"]], node


def test_importing_again_on_postgresql_accepts_nothing_and_changes_no_row(
    exchange: Exchange, reports: list[Expected]
) -> None:
    """Each row that was accepted is a duplicate."""
    assert exchange.accepted == len(reports)
    assert exchange.again["accepted"] == 0
    assert exchange.again["duplicate"] >= sum(report.originator == "CO" for report in reports)
    assert not exchange.changed


def test_no_node_on_postgresql_quarantines_withholds_or_finds_anything(
    exchange: Exchange, reports: list[Expected], expected: Mapping[str, set[Key]]
) -> None:
    """Each node has verified every report and has sent its own; a replay of the log verifies all of them too."""
    for node, status in exchange.status.items():
        counts = {name: count for name, count in status["counts"].items() if count and name[:8] != "verified"}
        stored = len(expected[node])
        assert counts == {"stored": stored, "not_addressed": len(reports) - stored}, node
        assert (status["outbox"], status["findings"]) == ({"accepted": 0, "sealed": 0, "sent": 0}, []), node
    code, answer = exchange.audit
    assert (code, answer["findings"], answer["verified"]) == (0, [], answer["records"])
