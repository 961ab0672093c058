"""The figures of a node as metric families of Prometheus. Pure.

Rules: a label has few values (codes, states, streams of the topology and of NODE documents, kinds); none is the id of a
report, a key, a document or a person. Each family is there at each scrape, with zeros where nothing was counted, as far
as its labels are known before.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

from node.health.status import NodeStatus
from node.metrics.figures import Figures
from node.metrics.store_figures import StoreFigures
from node.tallies import BOUNDS_MS, Latency, Times
from node.verification.steps import STEP_OF_REJECTION

STREAMS_MAX: Final = 2000
"""Streams with a series of their own. Beyond it those with the greatest lag are shown."""

_Values: TypeAlias = dict[tuple[str, ...], float]
"""Labels -> value."""

_OUTCOMES: Final = ("stored", "withheld", "waiting", "held", "duplicate", "not_addressed", "rejected", "counted")
_HISTOGRAMS: Final = {
    Latency.WITNESSED: (
        "enlace_publish_to_witnessed_seconds",
        "Seconds from the acceptance of an own report until it was read back from the log and stored.",
    ),
    Latency.STORED: (
        "enlace_created_to_stored_seconds",
        "Seconds from the acceptance of a report at its originator until it was stored here, by the two clocks.",
    ),
}


def families(figures: Figures) -> Iterator[Metric]:
    """Every family that follows from the figures."""
    status, store = figures.status, figures.store
    yield _gauge("enlace_daemon_running", "Whether a daemon runs on the home of the node.", status.running)
    yield _gauge("enlace_bus_available", "Whether the log answers.", status.bus == "available")
    yield CounterMetricFamily(
        "enlace_reports_published", "Reports that this node accepted for sending.", value=store.tallies.published
    )
    yield _counters("enlace_records_sealed", "Records that this node sealed.", ("stream",), _named(store.sealed))
    yield from _outbox(figures)
    yield from _received(store)
    yield from _streams(status)
    yield from _undecided(figures)
    for of, (name, text) in _HISTOGRAMS.items():
        yield _histogram(name, text, store.tallies.times[of])
    codes = Counter(finding.code for finding in status.findings)
    yield _gauges("enlace_findings", "Findings about streams that stand, by code.", ("code",), _named(codes))
    problems = Counter(problem.code for problem in status.problems)
    yield _gauges(
        "enlace_problems", "Problems of the node, by code, as `status` lists them.", ("code",), _named(problems)
    )
    yield from _storage(figures)


def _outbox(figures: Figures) -> Iterator[Metric]:
    outbox, oldest = figures.status.outbox, figures.store.oldest
    states = {"accepted": outbox.accepted, "sealed": outbox.sealed, "sent": outbox.sent}
    yield _gauges("enlace_outbox_messages", "Messages in each state of the outbox.", ("state",), _named(states))
    ages = {"accepted": oldest.accepted, "sealed": oldest.sealed, "sent": oldest.sent}
    text = "Seconds that the oldest message of each state of the outbox has waited; 0 without one."
    yield _gauges("enlace_outbox_oldest_seconds", text, ("state",), _named(_ages(ages, figures.at)))


def _received(store: StoreFigures) -> Iterator[Metric]:
    received: _Values = {(outcome, ""): 0 for outcome in _OUTCOMES if outcome != "rejected"}
    received |= {("rejected", code): 0 for code in STEP_OF_REJECTION}  # a rate needs a value before the first record
    for name, number in store.tallies.received.items():
        received[name] = number
    yield _counters("enlace_records_received", "Records by outcome and code.", ("outcome", "code"), received)


def _streams(status: NodeStatus) -> Iterator[Metric]:
    shown = sorted(status.streams, key=lambda stream: (-(stream.lag or 0), stream.topic))[:STREAMS_MAX]
    labels = ("stream", "originator")
    lags: _Values = {(one.stream, one.originator): one.lag for one in shown if one.lag is not None}
    yield _gauges("enlace_stream_lag", "Positions of a stream that are left to read.", labels, lags)
    positions: _Values = {(one.stream, one.originator): one.position for one in shown}
    yield _gauges("enlace_stream_position", "The position of a stream where reading goes on.", labels, positions)
    omitted = len(status.streams) - len(shown)
    yield _gauge("enlace_streams_omitted", "Streams without a series, because there are too many.", omitted)


def _undecided(figures: Figures) -> Iterator[Metric]:
    store = figures.store
    text = "Records that wait or are held."
    yield _gauges("enlace_pending_records", text, ("outcome",), _named(store.pending))
    text = "Seconds since the oldest record that waits or is held arrived; 0 without one."
    yield _gauges("enlace_pending_oldest_seconds", text, ("outcome",), _named(_ages(store.oldest_pending, figures.at)))
    text = "Refused records whose bytes are kept, by code."
    yield _gauges("enlace_quarantine_records", text, ("code",), _named(store.quarantine))


def _storage(figures: Figures) -> Iterator[Metric]:
    counts = figures.status.counts
    yield _gauge("enlace_store_messages", "Messages that the store holds.", counts["stored"])
    yield _gauge("enlace_store_withheld", "Notes about messages that were withheld.", counts["withheld"])
    yield _gauge("enlace_receipts_due", "Batches about which a receipt is due.", counts["receipts_due"])
    yield _gauge("enlace_store_size_bytes", "Size of the database.", figures.store.size)
    text = "Free bytes on the volume of the home, of the store and of the log, as far as they are files."
    yield _gauges("enlace_free_bytes", text, ("place",), _named(figures.free))
    text = "Seconds until the first document, key or certificate of each kind ends that has no successor."
    yield _gauges("enlace_expiry_seconds", text, ("kind",), _named(figures.ends))


def _ages(since: Mapping[str, int | None], now: int) -> dict[str, float]:
    return {name: 0.0 if at is None else max(0, now - at) / 1000 for name, at in since.items()}


def _named(values: Mapping[str, float]) -> _Values:
    return {(name,): value for name, value in values.items()}


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=float(value))


def _gauges(name: str, text: str, labels: tuple[str, ...], values: _Values) -> Metric:
    return _filled(GaugeMetricFamily(name, text, labels=labels), values.items())


def _counters(name: str, text: str, labels: tuple[str, ...], values: _Values) -> Metric:
    return _filled(CounterMetricFamily(name, text, labels=labels), values.items())


def _filled(family: Any, values: Iterable[tuple[tuple[str, ...], float]]) -> Metric:
    for labels, value in sorted(values):
        family.add_metric(labels, value)
    metric: Metric = family
    return metric


def _histogram(name: str, text: str, times: Times) -> Metric:
    total, buckets = 0, []
    for bound, number in zip((*(str(ms / 1000) for ms in BOUNDS_MS), "+Inf"), times.buckets, strict=True):
        total += number
        buckets.append((bound, float(total)))
    return HistogramMetricFamily(name, text, buckets=buckets, sum_value=times.sum_ms / 1000)
