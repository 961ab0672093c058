"""All endpoints of the gateway: one line for each module that has some."""

from typing import Final

from node.gateway import status

ENDPOINTS: Final = (*status.ENDPOINTS,)
