"""Real reports go through a running exchange of fourteen nodes, with the commands of docs/walkthrough.md.

tests/support/oracle.py computes what each node must hold from the two files and the agreements alone. The tests compare
this with the results of `search`, report by report. The data is public and not in the repository; `ENLACE_DATA` names
its folder.
"""

import asyncio
import hashlib
import json
import os
import re
import resource
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from node.commands.broker_topics import provision_homes
from tests.support import clusters, oracle
from tests.support.data import DATA
from tests.support.oracle import (
    NODES,
    Expected,
    Input,
    Key,
)
from tests.support.pages import ROOT, WALKTHROUGH, page_text
from tests.support.processes import (
    enlace,
    ok,
    running,
    search_all,
    settle,
)
from tests.support.walkthrough import (
    IMPORTED,
    SECONDS_MAX,
    walk_through,
)

ATTACKS = DATA / "pirate-attacks/data/csv/pirate_attacks.csv"
SEIZURES = DATA / "seizures-colombia-2018/data/data.json"
MAPPINGS = ROOT / "examples/mappings"
AGREEMENTS = ROOT / "examples/agreements"
AT = datetime(2026, 12, 1, 12, tzinfo=UTC)
"""The time for the tests without an exchange. Until September 2028 the day does not change who is admitted."""

CROSSING = 8_490
AGAIN = ("CO", "EC", "PE")
"""The nodes that import their files again."""

pytestmark = pytest.mark.skipif(
    not (ATTACKS.is_file() and SEIZURES.is_file()),
    reason=f"no public data at {DATA}: set ENLACE_DATA to the folder of pirate-attacks and seizures-colombia-2018",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """The results of the walk-through, after its daemons have ended."""

    begun: datetime
    ended: datetime
    printed: str
    rows: Mapping[str, list[dict[str, Any]]]
    """The answers of the first imports, line by line, by the name of the file: a node's code, or `seizures`."""

    status: Mapping[str, dict[str, Any]]
    """The status of each node after it caught up."""

    again: Mapping[str, dict[str, Any]]
    """The counts of the second imports, by the same names."""

    changed: frozenset[str]
    """The nodes of `AGAIN` whose store changed in the second import."""

    held: Mapping[str, list[dict[str, Any]]]
    """The results of `search --all` at each node."""

    audit: tuple[int, dict[str, Any]]
    """Exit code and answer of a replay of the whole log."""


@pytest.fixture(scope="module")
def seizures() -> Input:
    """The 1,000 seizures as the oracle has them."""
    return oracle.seizures(DATA, MAPPINGS)


@pytest.fixture(scope="module")
def attacks() -> Input:
    """The 7,511 attacks as the oracle has them."""
    return oracle.attacks(DATA, MAPPINGS)


@pytest.fixture(scope="module")
def reports(seizures: Input, attacks: Input) -> tuple[Expected, ...]:
    """Every report that must reach other nodes."""
    return seizures.reports + attacks.reports


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Exchange, Path]:
    """The walk-through on the embedded log, then some imports again; with a copy of the lab after the first imports."""
    folder = tmp_path_factory.mktemp("real-input")
    cpu_before = _cpu_seconds()
    begun = datetime.now(UTC)
    printed, spent = walk_through(folder, DATA)
    ended = datetime.now(UTC)
    [lab] = folder.glob("*/lab")
    homes = {node: lab / node.lower() for node in NODES}
    imports = {node.lower(): partial(_import, "pirate-attacks", ATTACKS, homes[node]) for node in AGAIN}
    imports["seizures"] = partial(_import, "seizures-colombia", SEIZURES, homes["CO"])

    before = {node: _digest(homes[node] / "store.db") for node in AGAIN}
    again_begun = time.monotonic()
    again = {name: import_() for name, import_ in imports.items()}
    spent["import again"] = time.monotonic() - again_begun
    changed = frozenset(node for node in AGAIN if _digest(homes[node] / "store.db") != before[node])
    held, audit = _results(homes, spent)
    _print_times("embedded", spent, _cpu_seconds() - cpu_before)
    exchange = Exchange(
        begun=begun,
        ended=ended,
        printed=printed,
        rows={path.stem: _lines(path) for path in lab.glob("*.rows")},
        status={path.stem.upper(): _lines(path)[0] for path in lab.glob("*.status")},
        again=again,
        changed=changed,
        held=held,
        audit=audit,
    )
    return exchange, lab.with_name(lab.name + IMPORTED)


@pytest.fixture(scope="module", params=("embedded", pytest.param("kafka", marks=pytest.mark.slow)))
def exchange(request: pytest.FixtureRequest, walked: tuple[Exchange, Path]) -> Exchange:
    """The walk-through, or the same imports sent over a real Kafka, verified and stored.

    An ordinary run has Kafka with three nodes: test_real_input_postgres.py.
    """
    on_embedded, lab = walked
    return on_embedded if request.param == "embedded" else _over_kafka(on_embedded, lab)


def _over_kafka(imported: Exchange, lab: Path) -> Exchange:
    """The results after the same accepted reports were sent over Kafka."""
    homes = {node: lab / node.lower() for node in NODES}
    spent: dict[str, float] = {}
    cpu_before, begun = _cpu_seconds(), time.monotonic()
    with patch.dict(os.environ, {"ENLACE_BUS__URL": clusters.bus()}):
        asyncio.run(provision_homes(homes.values()))
        with running(*homes.values()):
            settle(*homes.values(), seconds=SECONDS_MAX)
            spent["crossing"] = time.monotonic() - begun
            status = {node: ok("status", home=home)[0] for node, home in homes.items()}
        held, audit = _results(homes, spent)
    _print_times("kafka", spent, _cpu_seconds() - cpu_before)
    return replace(imported, status=status, held=held, audit=audit)


def _results(
    homes: Mapping[str, Path], spent: dict[str, float]
) -> tuple[dict[str, list[dict[str, Any]]], tuple[int, dict[str, Any]]]:
    """The reports that each node holds, and the answer of a replay of the whole log."""
    begun = time.monotonic()
    held = {node: search_all(home) for node, home in homes.items()}
    audit = _audit(homes["BZ"])
    spent["search and audit"] = time.monotonic() - begun
    return held, audit


def _print_times(bus: str, spent: Mapping[str, float], cpu_seconds: float) -> None:
    """Print the time of each phase; `pytest -s` shows it."""
    phases = ", ".join(f"{name} {seconds:.1f}" for name, seconds in spent.items())
    print(f"\n{bus}: {phases}; {sum(spent.values()):.1f} s, with {cpu_seconds:.1f} s of processor time")  # noqa: T201


def _cpu_seconds() -> float:
    """The processor time of all commands and daemons that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def _import(mapping: str, file: Path, home: Path) -> dict[str, Any]:
    _, [counts] = enlace("import", MAPPINGS / f"{mapping}.toml", file, home=home)
    return counts


def _audit(home: Path) -> tuple[int, dict[str, Any]]:
    """Exit code and answer of a replay of the log that the home names."""
    code, [answer] = enlace("audit", "replay", home=home)
    return code, answer


def _digest(store: Path) -> str:
    """A hash of every row of every table."""
    digest = hashlib.sha256()
    with sqlite3.connect(store) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        for table in tables:
            for row in db.execute(f'SELECT * FROM "{table}"'):
                digest.update(repr(row).encode())
    db.close()
    return digest.hexdigest()


def _intake_day(exchange: Exchange) -> Callable[[Expected], date]:
    """The UTC date of intake in the originator's own copy, as an import may begin before midnight."""
    days = {
        (node, item["report_id"]): datetime.fromisoformat(item["created_at"]).astimezone(UTC).date()
        for node, items in exchange.held.items()
        for item in items
        if item["originator"] == node
    }
    return lambda report: days[report.key]


def _expected(exchange: Exchange, reports: tuple[Expected, ...]) -> dict[str, set[Key]]:
    agreed = oracle.agreements(AGREEMENTS)
    return oracle.holdings(reports, agreed, at=exchange.begun, day=_intake_day(exchange))


def _at(reports: tuple[Expected, ...], agreed: list[dict[str, Any]], without: str = "") -> dict[str, set[Key]]:
    """What each node must hold on a fixed day."""
    return oracle.holdings(reports, agreed, at=AT, day=lambda _: AT.date(), without=without)


def test_each_node_holds_exactly_what_files_and_agreements_require(
    exchange: Exchange, reports: tuple[Expected, ...]
) -> None:
    """Each node holds once every report that it must hold, and no other."""
    expected = _expected(exchange, reports)

    for node in NODES:
        held = [(item["originator"], item["report_id"]) for item in exchange.held[node]]
        assert len(held) == len(set(held)), f"{node} holds a report twice"
        assert set(held) - expected[node] == set(), f"{node} holds what it may not"
        assert expected[node] - set(held) == set(), f"{node} lacks what it must hold"


def test_each_field_of_each_report_arrives_with_the_value_of_its_row(
    exchange: Exchange, reports: tuple[Expected, ...]
) -> None:
    """Every holder has the same report; the system adds only the time of intake."""
    by_key = {report.key: report.report for report in reports}
    first, last = exchange.begun.replace(microsecond=0), exchange.ended

    for node, items in exchange.held.items():
        for item in items:
            body = dict(item["report"])
            created_at = body.pop("created_at")
            assert body == by_key[item["originator"], item["report_id"]], node
            assert created_at == item["created_at"]
            assert first <= datetime.fromisoformat(created_at) <= last
            assert item["stream"] == f"intel.{body['region']}"


def test_8490_reports_are_exchanged_and_one_row_is_refused_with_a_reason(
    exchange: Exchange, seizures: Input, attacks: Input, reports: tuple[Expected, ...]
) -> None:
    """Its node answers each row once: accepted, one of 20 duplicates, or refused because of the time 18:85."""
    accounts = [(name, line) for name, lines in exchange.rows.items() for line in lines]
    outcomes = Counter(line["outcome"] for _, line in accounts)
    [refused] = [(name, line) for name, line in accounts if line["outcome"] == "refused"]
    [error] = refused[1]["errors"]

    assert (len(seizures.reports) + len(attacks.reports), len(reports)) == (CROSSING, CROSSING)
    assert outcomes == {"accepted": CROSSING, "duplicate": 20, "refused": 1}
    assert {line["row"]: line["outcome"] for line in exchange.rows["seizures"]} == {
        row: seizures.outcome(row) for row in range(1, 1001)
    }
    assert {line["row"]: (name.upper(), line["outcome"]) for name, line in accounts if name != "seizures"} == {
        row: (owner, attacks.outcome(row)) for row, owner in attacks.owners.items()
    }
    assert (refused[0], refused[1]["row"], list(attacks.refused)) == ("es", 7369, [7369])
    assert (error["path"], error["code"]) == ("occurred.from", "not_a_time")
    assert error["message"] == "column time: '18:85 UTC' does not fit %H:%M UTC"
    assert '"outcome":"refused"' in exchange.printed
    assert "18:85 UTC" in exchange.printed


def test_an_import_answers_the_audience_of_each_row_and_a_reason_for_each_other_node(
    exchange: Exchange, reports: tuple[Expected, ...]
) -> None:
    """The audience that the import answers is the set of nodes that hold the report at the end."""
    expected = _expected(exchange, reports)

    accepted = [line for lines in exchange.rows.values() for line in lines if line["outcome"] == "accepted"]
    row_of = {line["report_id"]: line for line in accepted}
    for report in reports:
        line = row_of[report.report["report_id"]]
        audience = {node for node in NODES if report.key in expected[node]} - {report.originator}
        assert set(line["audience"]) == audience, report.key
        assert {refusal["recipient"] for refusal in line["refusals"]} == set(NODES) - audience - {report.originator}
        assert all(refusal["reason"] for refusal in line["refusals"])


def test_importing_again_accepts_nothing_and_changes_no_store(
    exchange: Exchange, seizures: Input, attacks: Input
) -> None:
    """After an interruption it is safe to import the same file again."""
    first = {name: len(exchange.rows[name]) for name in exchange.again}
    assert {name: counts["accepted"] for name, counts in exchange.again.items()} == dict.fromkeys(exchange.again, 0)
    assert {name: counts["duplicate"] for name, counts in exchange.again.items()} == first
    assert sum(first.values()) > seizures.rows
    assert {name: counts["read"] for name, counts in exchange.again.items()} == {
        **dict.fromkeys((node.lower() for node in AGAIN), attacks.rows),
        "seizures": seizures.rows,
    }
    assert exchange.changed == frozenset()


def test_nothing_is_quarantined_withheld_or_waiting_and_no_node_has_a_finding(
    exchange: Exchange, reports: tuple[Expected, ...]
) -> None:
    """All accepted reports were sent and read back. At least twelve of the fourteen nodes published."""
    expected = _expected(exchange, reports)

    assert set(exchange.status) == set(NODES)
    for node, status in exchange.status.items():
        assert "error" not in status, node
        counts = {name: count for name, count in status["counts"].items() if count and name[:8] != "verified"}
        stored = len(expected[node])
        assert counts == {"stored": stored, "not_addressed": CROSSING - stored}, node
        assert status["outbox"] == {"accepted": 0, "sealed": 0, "sent": 0}, node
        assert status["findings"] == [], node
        assert all(stream["lag"] == 0 for stream in status["streams"]), node
    assert len({report.originator for report in reports}) >= 12


def test_a_replay_verifies_every_message_and_has_no_finding(exchange: Exchange, reports: tuple[Expected, ...]) -> None:
    """The messages in the streams of a node are its reports, from sequence 1 on."""
    code, answer = exchange.audit
    intel = [stream for stream in answer["streams"] if stream["stream"].startswith("intel.")]
    published = Counter[str]()
    for stream in intel:
        published[stream["originator"]] += stream["last"]

    assert (code, answer["findings"]) == (0, [])
    assert answer["verified"] == answer["records"]
    assert all(stream["first"] == 1 for stream in answer["streams"])
    assert published == Counter(report.originator for report in reports)
    assert sum(published.values()) == CROSSING


def test_the_walk_through_shows_the_true_counts(exchange: Exchange, reports: tuple[Expected, ...]) -> None:
    """The table of the page has, for every node, the number of reports that it published and that it holds."""
    text = page_text(WALKTHROUGH)
    table = {
        node: (int(published.replace(",", "")), int(holds.replace(",", "")))
        for node, published, holds in re.findall(r"^\| ([A-Z]{2}) \| ([0-9,]+) \| ([0-9,]+) \|", text, re.MULTILINE)
    }

    published = Counter(report.originator for report in reports)
    assert table == {node: (published[node], len(exchange.held[node])) for node in NODES}


# The tests below use the files and agreements without an exchange. They check that the walk-through tests something.


def test_twenty_agreements_or_more_admit_something_that_no_other_admits(reports: tuple[Expected, ...]) -> None:
    """Removing one in force changes what a node must hold; so does putting in force one that is not."""
    agreed = oracle.agreements(AGREEMENTS)
    expected = _at(reports, agreed)
    in_force = [other for other in agreed if oracle.in_force(other, AT)]

    for agreement in in_force:
        assert _at(reports, [other for other in agreed if other is not agreement]) != expected, agreement["id"]
    for agreement in agreed:
        if agreement not in in_force:
            long = {"status": "IN_FORCE", "not_before": AT, "not_after": AT.replace(year=2036)}
            assert _at(reports, [agreement | long if other is agreement else other for other in agreed]) != expected
    assert len(in_force) >= 20


def test_each_rule_of_an_agreement_excludes_some_report(reports: tuple[Expected, ...]) -> None:
    """A node that ignores one rule would hold more. Two rules have no effect, because the files name no persons."""
    agreed = oracle.agreements(AGREEMENTS)
    expected = _at(reports, agreed)

    idle = {rule for rule in oracle.RULES if _at(reports, agreed, without=rule) == expected}
    assert idle == {"categories", "special_categories"}


def test_clauses_are_not_combined(reports: tuple[Expected, ...]) -> None:
    """One clause alone must cover the whole report."""
    agreed = oracle.agreements(AGREEMENTS)

    joined = [agreement | {"clause": [_joined(agreement["clause"])]} for agreement in agreed]
    assert _at(reports, joined) != _at(reports, agreed)


def _joined(clauses: list[dict[str, Any]]) -> dict[str, Any]:
    lists = {
        name: sorted({value for clause in clauses for value in clause[name]})
        for name in ("from", "to", "regions", "subjects", "types", "categories", "handling", "purposes")
    }
    all_values = {name: ["*"] for name, values in lists.items() if "*" in values}
    return lists | all_values | {"retention_days_max": max(clause["retention_days_max"] for clause in clauses)}


def test_the_oracle_handles_the_difficult_rows_of_the_files(seizures: Input, attacks: Input) -> None:
    """The expected values are literal, so that an error that oracle and product share is found."""
    rows = {report.row: report for report in attacks.reports}
    stories = [report.report["narrative"]["text"] for report in attacks.reports]
    texts = json.dumps([report.report for report in attacks.reports])

    assert sum("\n" in story for story in stories) == 1_148
    assert sum(story.startswith("Attack on ") for story in stories) >= 6_300
    assert '"NA"' not in texts
    assert Counter(report.originator for report in attacks.reports)["MX"] == 7  # MEX in the file
    assert rows[1].report["place"]["longitude_microdegrees"] == 116_966_700
    assert seizures.rows == 1_000
    assert {len(report.report["place"]["text"]) for report in seizures.reports} == {8}
    assert sum(report.report["place"]["text"].startswith("0") for report in seizures.reports) >= 1
    assert seizures.reports[0].report["occurred"] == {
        "from": "2018-01-03T05:00:00Z",
        "until": "2018-01-04T04:59:59.999Z",
    }


def test_every_local_time_has_a_zone_of_its_state() -> None:
    """The 405 times without a zone are not read as UTC."""
    rows = oracle.attack_rows(DATA)
    zones = oracle.tables(MAPPINGS / "pirate-attacks.toml")["zones"]["codes"]
    local = [row for row in rows if re.fullmatch("[0-9]{2}:[0-9]{2}", row["time"])]

    assert len(local) == 405
    assert all({row["eez_country"], row["nearest_country"]} & set(zones) for row in local)
