"""The alert rules and the dashboard of observability/ fit the metrics of a running node; each alert can fire."""

import asyncio
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from broker.embedded.log import EmbeddedLog
from node.clock import now_ms
from node.gateway.served import Served
from node.heartbeats import Heartbeats
from node.limits import DAY_MS
from node.metrics import figures, node_watch
from node.metrics.exposition import exposition
from node.metrics.loop_lag import LoopLag
from node.runtime.home import open_home
from node.runtime.open_intake import open_intake
from node.runtime.open_node import open_node
from tests.support.processes import agreement, lab, publish, running, settle
from tests.support.promql import Scrape, evaluate, parse, scrape

PROJECT: Final = Path(__file__).parents[2]
FOLDER: Final = PROJECT / "observability"
RULES: Final[list[dict[str, Any]]] = [
    rule for group in yaml.safe_load((FOLDER / "alerts.yml").read_text("utf-8"))["groups"] for rule in group["rules"]
]
DASHBOARD: Final[dict[str, Any]] = json.loads((FOLDER / "dashboard.json").read_text("utf-8"))
VARIABLES: Final = {"$__rate_interval": "5m", "$instance": "bz"}
OF_PROMETHEUS: Final = {"instance", "job"}
HOUR: Final = 3600.0


def expressions() -> list[str]:
    """Every expression of the rules and of the dashboard, with values for the variables of Grafana."""
    found = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    for name, value in VARIABLES.items():
        found = [text.replace(name, value) for text in found]
    return [rule["expr"] for rule in RULES] + found


async def scraped(home: Path, *, ahead_ms: int = 0, heartbeats: Heartbeats | None = None, failures: int = 0) -> str:
    """The metrics of a node, by a clock that is ahead, after so many requests that failed."""
    async with open_intake(open_home(home), now=lambda: now_ms() + ahead_ms) as intake:
        served = Served(home=intake.home, intake=intake, stopping=asyncio.Event(), heartbeats=heartbeats)
        for number in range(failures + 1):
            served.watch.requests.answered("GET", "/v1/status", 500 if number else 200, 0.1)
        served.watch.requests.answered("GET", "/v1/status", 500, 0.1)
        text, _ = await exposition(served.watch, "")
        served.stopping.set()
        await served.watch.close()
    return text.decode()


def look(home: Path, at: float = 0.0, **options: Any) -> Scrape:
    """One scrape of a node."""
    return scrape(at, asyncio.run(scraped(home, **options)), instance="bz", job="enlace")


def read(home: Path, *, ahead_ms: int = 0) -> None:
    """Let a node read everything, by a clock that is ahead."""

    async def serve() -> None:
        async with open_node(open_home(home), now=lambda: now_ms() + ahead_ms) as node:
            await node.subscriber.start()
            while await node.subscriber.step(0):
                pass

    asyncio.run(serve())


def append(home: Path, topic: str, records: int) -> None:
    """Write what is no record into a topic."""

    async def serve() -> None:
        bus = EmbeddedLog(home.parent / "log.db")
        for first in range(0, records, 1000):
            await bus.append(topic, [b"junk %d" % number for number in range(first, min(records, first + 1000))])
        await bus.close()

    asyncio.run(serve())


@pytest.fixture(scope="module")
def exchanged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Scrape]]:
    """A lab that has exchanged reports, with two scrapes of BZ while it runs."""
    folder = tmp_path_factory.mktemp("observed")
    homes = lab(folder, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))
    with running(*homes.values()):
        before = look(homes["BZ"])
        publish(homes["BZ"], "A boat was seen.")
        publish(homes["GT"], "Another boat.")
        settle(*homes.values())
        history = [before, look(homes["BZ"], 600)]
    return folder / "lab", history


@pytest.fixture
def home(exchanged: tuple[Path, list[Scrape]], tmp_path: Path) -> Path:
    """The home of BZ in a copy of the lab, without a daemon."""
    shutil.copytree(exchanged[0], tmp_path / "lab")
    for config in (tmp_path / "lab").glob("*/node.toml"):
        config.write_text(config.read_text().replace(str(exchanged[0]), str(tmp_path / "lab")))
    return tmp_path / "lab" / "bz"


def other(home: Path) -> Path:
    """The home of GT beside that of BZ."""
    return home.parent / "gt"


def no_answer(_home: Path, _patch: pytest.MonkeyPatch) -> list[Scrape]:
    return [scrape(0, "up 0\n", job="enlace")]


def no_daemon(home: Path, _patch: pytest.MonkeyPatch) -> list[Scrape]:
    return [look(home)]


def no_store(home: Path, patch: pytest.MonkeyPatch) -> list[Scrape]:
    patch.setattr(node_watch, "FIGURES_SECONDS_MAX", 0.0)
    return [look(home)]


def no_bus(home: Path, _patch: pytest.MonkeyPatch) -> list[Scrape]:
    (home.parent / "log.db").unlink()
    return [look(home)]


def full_disk(home: Path, patch: pytest.MonkeyPatch) -> list[Scrape]:
    patch.setattr(figures, "free_space", lambda _: {"home": 5})
    return [look(home)]


def unsent(home: Path, _patch: pytest.MonkeyPatch) -> list[Scrape]:
    publish(home, "A third boat.")
    return [look(home, ahead_ms=400_000)]


def unread(home: Path, _patch: pytest.MonkeyPatch) -> list[Scrape]:
    append(home, "intel.central-america.gt", 10_001)
    return [look(home), look(home, 900)]


def refused(home: Path, _patch: pytest.MonkeyPatch) -> list[Scrape]:
    before = look(home)
    append(home, "keys.gt", 300)
    read(home)
    return [before, look(home, 100)]


def waiting(home: Path, _patch: pytest.MonkeyPatch) -> list[Scrape]:
    """BZ does not have the agreement under which GT sent."""
    [document] = (home / "documents").glob("agreement-*")
    document.unlink()
    with running(other(home)):
        publish(other(home), "A fourth boat.")
        settle(other(home))
    read(home)
    return [look(home, ahead_ms=1_000_000)]


def missing_topic(home: Path, _patch: pytest.MonkeyPatch) -> list[Scrape]:
    async def serve() -> None:
        bus = EmbeddedLog(home.parent / "log.db")
        await bus.delete_topic("keys.gt")
        await bus.close()

    asyncio.run(serve())
    return [look(home)]


def near_the_end(home: Path, _patch: pytest.MonkeyPatch) -> list[Scrape]:
    left = next(iter(look(home).samples["enlace_expiry_seconds"].values()))
    return [look(home, ahead_ms=int(left * 1000) - 10 * DAY_MS)]


def slow(home: Path, _patch: pytest.MonkeyPatch) -> list[Scrape]:
    before = look(home)
    with running(other(home)):
        publish(other(home), "A slow boat.")
        settle(other(home))
    read(home, ahead_ms=120_000)
    return [before, look(home, 600)]


def failing(home: Path, _patch: pytest.MonkeyPatch) -> list[Scrape]:
    return [look(home), look(home, 100, failures=50)]


def late_loop(home: Path, patch: pytest.MonkeyPatch) -> list[Scrape]:
    patch.setattr(LoopLag, "worst_seconds", 3.0)
    return [look(home)]


def stuck(home: Path, patch: pytest.MonkeyPatch) -> list[Scrape]:
    jobs = Heartbeats()
    patch.setattr(jobs, "silent", lambda: {"relay": 400.0})
    return [look(home, heartbeats=jobs)]


STATES: Final[dict[str, Callable[[Path, pytest.MonkeyPatch], list[Scrape]]]] = {
    "EnlaceGatewayDown": no_answer,
    "EnlaceDaemonDown": no_daemon,
    "EnlaceStoreUnavailable": no_store,
    "EnlaceBusUnavailable": no_bus,
    "EnlaceDiskFull": full_disk,
    "EnlaceReportsWaitTooLong": unsent,
    "EnlaceStreamLags": unread,
    "EnlaceFallsBehind": unread,
    "EnlaceRecordsWaitTooLong": waiting,
    "EnlaceRecordsQuarantined": refused,
    "EnlaceRecordsRejected": refused,
    "EnlaceFinding": missing_topic,
    "EnlaceProblem": refused,
    "EnlaceExpiresSoon": near_the_end,
    "EnlaceSlow": slow,
    "EnlaceGatewayErrors": failing,
    "EnlaceLoopLags": late_loop,
    "EnlaceJobStuck": stuck,
}
"""Alert -> how a node gets into the state that it is for; the scrapes of that time."""


def fires(rule: dict[str, Any], history: list[Scrape]) -> bool:
    """Whether the expression of a rule has a result."""
    return bool(evaluate(parse(rule["expr"]).tree, history))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_each_alert_fires_in_its_state(rule: dict[str, Any], home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real node is driven into the state, and its metrics are read."""
    assert fires(rule, STATES[rule["alert"]](home, monkeypatch))


def test_each_alert_has_a_state() -> None:
    names = [rule["alert"] for rule in RULES]

    assert sorted(names) == sorted(STATES)


def test_no_alert_fires_on_a_node_that_is_well(exchanged: tuple[Path, list[Scrape]]) -> None:
    assert [rule["alert"] for rule in RULES if fires(rule, exchanged[1])] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_each_alert_has_a_summary_a_severity_and_a_section_of_the_manual(rule: dict[str, Any]) -> None:
    """Each label that a summary names is one of the result."""
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^#+ (.*)$", (PROJECT / page).read_text("utf-8"), re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    named = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))

    assert anchor in anchors
    assert re.match(r"[A-Z]|\{\{", rule["annotations"]["summary"])
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert re.fullmatch(r"\d+[mh]", rule["for"])
    by = parse(rule["expr"]).kept
    missing = named - by if by else set()
    assert missing == set()


def families(history: list[Scrape]) -> dict[str, set[str]]:
    """Each series of the scrapes -> its labels."""
    found: dict[str, set[str]] = {"up": set(OF_PROMETHEUS)}
    for seen in history:
        for name, series in seen.samples.items():
            found.setdefault(name, set()).update(label for labels in series for label, _ in labels)
    return found


def test_each_metric_and_label_of_an_expression_is_one_of_a_node(
    exchanged: tuple[Path, list[Scrape]], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also those that only a node with problems shows."""
    known = families([*exchanged[1], *refused(home, monkeypatch), *missing_topic(home, monkeypatch)])
    for text in expressions():
        expression = parse(text)
        assert expression.metrics <= known.keys(), text
        assert all(label in known[metric] | OF_PROMETHEUS for metric, label in expression.labels), text
        assert all(any(label in known[metric] for metric in expression.metrics) for label in expression.kept), text


@pytest.mark.parametrize(
    "text",
    ["sum(", "sum(x) by", "x{a=}", "x > > 1", "rate(x[5m]", "x y", "x{a='b'}", "unknown_function(x)", "x[5m", ""],
)
def test_an_expression_with_an_error_is_refused(text: str) -> None:
    """So the test above finds a typing error."""
    with pytest.raises(ValueError, match=r"expected|cannot read|did not expect"):
        parse(text)


def test_what_is_parsed_has_the_meaning_of_prometheus() -> None:
    """Selectors, aggregation, rates and quantiles on a small history."""
    first = scrape(0, 'a_total{k="x"} 1\na_total{k="y"} 5\nb_bucket{le="1"} 0\nb_bucket{le="+Inf"} 0\n')
    last = scrape(10, 'a_total{k="x"} 21\na_total{k="y"} 5\nb_bucket{le="1"} 9\nb_bucket{le="+Inf"} 10\n')

    def value(text: str) -> Any:
        found = evaluate(parse(text).tree, [first, last])
        return sorted(found.values())

    assert value("a_total") == [5, 21]
    assert value('a_total{k!="x"}') == [5]
    assert value("sum(a_total) > 26") == []
    assert value("sum by (k) (a_total)") == [5, 21]
    assert value("max(rate(a_total[1m]))") == [2]
    assert value("changes(a_total[1m]) == 0") == [0]
    assert value("topk(1, a_total)") == [21]
    assert value("histogram_quantile(0.9, rate(b_bucket[1m]))") == [1]
    assert value("a_total > 6 and changes(a_total[1m]) == 0") == []
    assert value("sum(a_total) > 99 or vector(0)") == [0]


def test_the_dashboard_has_an_expression_in_each_panel_and_no_two_panels_overlap() -> None:
    panels = DASHBOARD["panels"]
    places: set[tuple[int, int]] = set()
    for panel in panels:
        position = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(position["x"], position["x"] + position["w"])
            for y in range(position["y"], position["y"] + position["h"])
        }
        assert panel["targets"], panel["title"]
        assert not cells & places, panel["title"]
        assert max(x for x, _ in cells) < 24
        places |= cells
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_prometheus_itself_accepts_the_rules() -> None:
    """Where its tool is installed. The configuration names the rules."""
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text("utf-8"))
    assert [FOLDER / name for name in config["rule_files"]] == [FOLDER / "alerts.yml"]
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("promtool is not installed (Debian package prometheus)")
    checked = subprocess.run(
        [tool, "check", "rules", str(FOLDER / "alerts.yml")], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
