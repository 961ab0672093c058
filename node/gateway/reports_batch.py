"""`POST /v1/reports:batch`: many reports as NDJSON, a line of the answer for each line, as they come."""

from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from itertools import chain, islice
from typing import Final

from starlette.responses import Response

from node.commands.publish import ITEMS_IN_TRANSACTION_MAX, ItemAnswer
from node.gateway.call import Call
from node.gateway.endpoint import Endpoint
from node.handing_in.hand_in import hand_in_lines
from node.http.answer_lines import lines_answer
from node.http.body import check_head, pieces
from node.http.media_types import NDJSON, NDJSON_NAMES
from node.integrators.scopes import Scope
from node.reports.line_cutter import LineCutter
from node.reports.ndjson import Item


async def batch(call: Call) -> Response:
    """Hand in each line; a line that is no report is refused, and the lines after it go on."""
    check_head(call.request, NDJSON_NAMES)
    return await lines_answer(_answers(call))


async def _answers(call: Call) -> AsyncIterator[bytes]:
    cutter = LineCutter()
    async with aclosing(pieces(call.request)) as stream:
        async for piece in stream:
            async for answers in _handed_in(call, cutter.feed(piece)):
                yield answers
    async for answers in _handed_in(call, cutter.end()):
        yield answers


async def _handed_in(call: Call, items: Iterable[Item]) -> AsyncIterator[bytes]:
    following = iter(items)
    while some := list(islice(following, ITEMS_IN_TRANSACTION_MAX)):
        answers = await hand_in_lines(
            call.served.shared, some, actor=call.caller.actor, integrator=call.caller.integrator
        )
        call.served.status.forget()
        yield b"".join(chain.from_iterable((answer, b"\n") for answer in answers))


ENDPOINTS: Final = (
    Endpoint(
        method="POST",
        path="/v1/reports:batch",
        scopes=frozenset({Scope.PUBLISH}),
        handle=batch,
        summary="Hand reports in, one in each line; a line of the answer for each line, in their order",
        body={NDJSON: {"$ref": "#/components/schemas/Report"}},
        answers={200: ItemAnswer},
        produces=NDJSON,
    ),
)
