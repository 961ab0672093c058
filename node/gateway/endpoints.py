"""All endpoints of the gateway: one line for each module that has some."""

from typing import Final

from node.gateway import checks, health, lists, messages, reports, reports_batch, stream, webhooks
from node.gateway.documentation import with_documentation

ENDPOINTS: Final = with_documentation(
    (
        *reports.ENDPOINTS,
        *reports_batch.ENDPOINTS,
        *messages.ENDPOINTS,
        *checks.ENDPOINTS,
        *lists.ENDPOINTS,
        *health.ENDPOINTS,
        *stream.ENDPOINTS,
        *webhooks.ENDPOINTS,
    )
)
