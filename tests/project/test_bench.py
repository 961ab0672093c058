"""`python -m bench` measures what the contract names. `make slow` runs it with four messages."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.figures import Figure, Figures, Spent, percentile, ratios
from tests.support.brokers import kafka_missing

PROJECT = Path(__file__).parents[2]
SECONDS_MAX = 540  # two cores may be busy with other tests
PROMISED = {
    "publish_over_naive",
    "receive_over_naive",
    "receive_over_floor",
    *(f"latency_{share}_ms_embedded_{rate}" for share in ("p50", "p99") for rate in (100, 1000)),
}
ALSO = {
    "receive_memory_peak_mb",
    "receive_two_cores_over_one",
    "backlog_memory_peak_mb",
    *(f"check_{what}_sqlite" for what in ("p50_ms", "p99_ms", "lines_per_second")),
    "backlog_messages",
    *(f"gateway_{what}_over_empty" for what in ("single", "batch")),
    *(f"gateway_{what}_per_second" for what in ("single", "batch", "empty")),
    *("gateway_check_p50_ms", "gateway_check_p99_ms"),
    "search_identifier_p99_ms_sqlite",
    "status_ms_1m_sqlite",
    "cost_1m_stored_over_none_sqlite",
    "cost_1770_agreements_over_10",
    *(f"one_report_cpu_ms_{step}" for step in ("accept", "seal_send", "own_read_back", "read")),
    *(f"batch_cpu_us_{step}" for step in ("accept", "seal_send", "own_read_back", "read")),
    *(f"latency_{share}_over_floor_embedded_100" for share in ("p50", "p99")),
    *(f"reader_{what}_embedded_{many}" for what in ("cpu_percent", "p50_ms", "p99_ms") for many in (10, 600)),
    "publish_over_naive_one_by_one",
    "receive_over_naive_one_by_one",
    *(f"latency_floor_{share}_ms_embedded_{rate}" for share in ("p50", "p99") for rate in (100, 1000)),
    *(f"{verb}_cost_60_over_6_nodes" for verb in ("publish", "receive")),
    *(f"{verb}_cost_1770_over_10_agreements" for verb in ("publish", "receive")),
    *(
        f"{verb}_stage_{stage}_us"
        for verb in ("publish", "receive")
        for stage in ("codec", "cryptography", "policy", "database")
    ),
}
WITH_KAFKA = {
    *(f"latency_{share}_ms_kafka_{rate}" for share in ("p50", "p99") for rate in (100, 1000)),
    *(f"latency_{share}_over_floor_kafka_100" for share in ("p50", "p99")),
    "latency_keeps_up_kafka_1000",
    "latency_sustained_p50_ms_kafka_1000",
    "latency_sustained_p99_ms_kafka_1000",
}


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The figures of a run of all parts with four messages."""
    folder = tmp_path_factory.mktemp("bench")
    done = subprocess.run(
        [sys.executable, "-m", "bench"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(PROJECT), "BENCH_MESSAGES": "4"},
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for name in PROMISED:
        assert name in done.stdout
    written: dict[str, Any] = json.loads((folder / "build" / "bench.json").read_text("utf-8"))
    return written


@pytest.mark.slow  # a minute of processor time
def test_the_figures_have_the_names_and_the_shape_of_the_contract(measured: dict[str, Any]) -> None:
    """name → {value, unit, rounds}; the value is between the lowest and the highest of its rounds."""
    assert measured.keys() >= PROMISED | ALSO | (set() if kafka_missing() else WITH_KAFKA)
    for figure in measured.values():
        assert figure.keys() == {"value", "unit", "rounds"}
        assert min(figure["rounds"]) <= figure["value"] <= max(figure["rounds"])


@pytest.mark.slow
def test_ratios_are_medians_of_five_rounds(measured: dict[str, Any]) -> None:
    """Each ratio compares two times of the same round."""
    for name in ("publish_over_naive", "receive_over_naive", "receive_over_floor"):
        assert len(measured[name]["rounds"]) == 5


def test_each_figure_is_listed_in_the_contract() -> None:
    """Other programs read `build/bench.json` by these names."""
    contract = (PROJECT / "docs" / "contract.md").read_text("utf-8").split("## Make")[1].split("\n## ")[0]
    patterns = [re.compile(re.sub(r"<\w+>", r"[a-z0-9_]+", name)) for name in re.findall(r"`([a-z0-9_<>]+)`", contract)]
    names = PROMISED | ALSO | WITH_KAFKA

    assert {name for name in names if not any(pattern.fullmatch(name) for pattern in patterns)} == set()


def test_a_ratio_compares_what_each_message_took() -> None:
    """The two sides may process different numbers of messages."""
    slow, quick = Spent(wall=6.0, cpu=2.0, items=3), Spent(wall=1.0, cpu=1.0, items=2)

    assert ratios([slow], [quick], lambda spent: spent.wall) == (4.0,)


def test_a_percentile_is_the_nearest_rank() -> None:
    """Of a hundred values the 99th smallest."""
    assert percentile(range(1, 101), 0.99) == 99
    assert percentile(range(1, 101), 0.50) == 50
    assert percentile([7.0], 0.99) == 7.0


def test_figures_of_other_parts_stay(tmp_path: Path) -> None:
    """A part that runs alone replaces its own figures only."""
    file = tmp_path / "bench.json"
    Figures({"a": Figure(unit="ms", rounds=(1.0,)), "b": Figure(unit="ms", rounds=(1.0, 2.0, 9.0))}).write(file)
    Figures({"a": Figure(unit="ms", rounds=(5.0,))}).write(file)

    written = json.loads(file.read_text("utf-8"))
    assert {name: figure["value"] for name, figure in written.items()} == {"a": 5.0, "b": 2.0}
