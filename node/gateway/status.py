"""`GET /v1/status`: the answer of the command `status`."""

from typing import Final

import msgspec
from starlette.responses import Response

from node.answers.plain_json import presentable
from node.gateway.call import Call
from node.gateway.endpoint import Endpoint
from node.health.status import NodeStatus, wait_for
from node.integrators import scopes


async def status(call: Call) -> Response:
    """Outbox, streams, counts, findings and problems of the node."""
    seen, _ = await wait_for(call.served.home, None, 0)
    return Response(msgspec.json.encode(presentable(seen)), media_type="application/json")


ENDPOINTS: Final = (
    Endpoint(
        method="GET",
        path="/v1/status",
        scopes=scopes.ALL,
        handle=status,
        summary="Outbox, streams, counts, findings and problems of the node",
        answers={200: NodeStatus},
    ),
)
