"""The text of `/metrics`: the figures of the node, the requests of this process, and what this process uses."""

from collections.abc import Iterator

from prometheus_client import ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from node.commands.version import version
from node.errors import Unavailable, UsageError
from node.metrics.families import families
from node.metrics.figures import Figures
from node.metrics.node_watch import NodeWatch

_PROCESS = ProcessCollector(registry=None)


async def exposition(watch: NodeWatch, accept: str) -> tuple[bytes, str]:
    """The text, and its content type, in a form that the header `Accept` allows.

    If the node cannot be looked at, `enlace_store_available` is 0 and the figures of its store are missing.
    """
    figures: Figures | None = None
    try:
        figures = await watch.figures()
    except (Unavailable, UsageError, TimeoutError):
        figures = None
    encode, content_type = choose_encoder(accept)
    return encode(_Everything(watch, figures)), content_type


class _Everything(Collector):
    """One scrape."""

    def __init__(self, watch: NodeWatch, figures: Figures | None) -> None:
        self._watch = watch
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        """Every family."""
        labels = ("node", "version")
        info = GaugeMetricFamily("enlace_info", "The node, and the version of the program.", labels=labels)
        info.add_metric((self._watch.home.node, version().version), 1)
        yield info
        text = "Whether the store of the node could be read."
        yield GaugeMetricFamily("enlace_store_available", text, value=float(self._figures is not None))
        if self._figures is not None:
            yield from families(self._figures)
        text = "The greatest lag of the event loop of this process in the last minute."
        yield GaugeMetricFamily("enlace_loop_lag_seconds", text, value=self._watch.lag.worst_seconds)
        text = "Jobs of this process that make no progress."
        yield GaugeMetricFamily("enlace_jobs_stuck", text, value=float(len(self._watch.alive())))
        yield from self._watch.requests.registry.collect()
        yield from _PROCESS.collect()
