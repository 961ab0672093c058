"""Counts the requests of the gateway in this process, and measures how long each takes until its answer begins.

Labels are the method and the path as the table of endpoints has them, and the class of the status: no text of a caller
becomes a label. The child of each combination is looked up once.
"""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

OTHER: Final = "other"
"""The label of what is not in the table of endpoints."""

BOUNDS_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
STATUS_CLASSES: Final = frozenset({"1xx", "2xx", "3xx", "4xx", "5xx"})


disable_created_metrics()  # type: ignore[no-untyped-call]


class RequestMetrics:
    """The requests that one process answered."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        labels = ("method", "path", "status")
        self._requests = Counter(
            "enlace_gateway_requests", "Requests of the gateway that were answered.", labels, registry=self.registry
        )
        self._seconds = Histogram(
            "enlace_gateway_request_seconds",
            "Seconds from a request of the gateway until its answer began.",
            labels,
            registry=self.registry,
            buckets=BOUNDS_SECONDS,
        )
        self._children: dict[tuple[str, str, str], tuple[Counter, Histogram]] = {}

    def answered(self, method: str, path: str, status: int, seconds: float) -> None:
        """A request was answered; `method` and `path` are those of an endpoint, or OTHER."""
        name = method, path, _class_of(status)
        children = self._children.get(name)
        if children is None:
            children = self._children[name] = (self._requests.labels(*name), self._seconds.labels(*name))
        requests, duration = children
        requests.inc()
        duration.observe(seconds)


def _class_of(status: int) -> str:
    found = f"{status // 100}xx"
    return found if found in STATUS_CLASSES else OTHER
