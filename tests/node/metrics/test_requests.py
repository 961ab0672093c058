"""The requests of the gateway as metrics: no text of a caller becomes a label."""

import pytest
from prometheus_client import generate_latest

from node.metrics.requests import RequestMetrics


@pytest.mark.parametrize(("status", "label"), [(202, "2xx"), (404, "4xx"), (503, "5xx"), (999, "other"), (0, "other")])
def test_a_request_counts_under_the_class_of_its_status(status: int, label: str) -> None:
    requests = RequestMetrics()
    for _ in range(3):
        requests.answered("GET", "/v1/messages/{id}", status, 0.2)
    labels = {"method": "GET", "path": "/v1/messages/{id}", "status": label}

    assert requests.registry.get_sample_value("enlace_gateway_requests_total", labels) == 3
    assert requests.registry.get_sample_value("enlace_gateway_request_seconds_count", labels) == 3
    assert requests.registry.get_sample_value("enlace_gateway_request_seconds_bucket", {**labels, "le": "0.1"}) == 0
    assert requests.registry.get_sample_value("enlace_gateway_request_seconds_bucket", {**labels, "le": "0.25"}) == 3


def test_no_series_has_the_time_of_its_creation() -> None:
    """Half of the text of a scrape would be such series."""
    requests = RequestMetrics()
    requests.answered("GET", "/livez", 200, 0)

    assert b"_created" not in generate_latest(requests.registry)
