"""All endpoints of the gateway: one line for each module that has some."""

from typing import Final

from node.gateway import health, status

ENDPOINTS: Final = (*health.ENDPOINTS, *status.ENDPOINTS)
