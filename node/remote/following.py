"""`follow` through a gateway: the messages that arrive, one after the other, over any number of connections."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from enlace import following, requests
from enlace.answers import decode_object
from enlace.chance import chance
from enlace.effects import Request
from enlace.event_lines import ServerEvent
from enlace.operations import ask
from enlace.requests import Why
from enlace.retries import RetryPolicy
from node.remote.gateway_address import GatewayAddress
from node.remote.sessions import PATIENCE, session

ENDLESS_PATIENCE: Final = RetryPolicy(attempts_max=1_000_000, retry_after_seconds_max=3_600.0)
"""A gateway that goes away is asked again until the user ends the command."""


def follow(
    address: GatewayAddress,
    *,
    subjects: Sequence[str],
    originators: Sequence[str],
    content: bool,
    after: str | None,
    purpose: str | None,
    reason: str | None,
) -> Iterator[dict[str, Any]]:
    """Each message that arrives after the cursor `after`, or from now on."""
    why = Why(purpose=purpose or "", reason=reason or "")
    filters = {"subject": tuple(subjects), "originator": tuple(originators)}

    def request_after(place: str | None) -> Request:
        return requests.stream(filters, content=content, last_event_id=place, why=why)

    with session(address, ENDLESS_PATIENCE) as opened:
        opened.run(ask(requests.listed("/livez", {}), PATIENCE, len))  # one that is away from the beginning is an error
        program = following.follow(
            request_after, _message, last_event_id=after, policy=opened.settings.policy, chance=chance
        )
        yield from opened.each(program)


def _message(event: ServerEvent) -> dict[str, Any]:
    return decode_object(event.data or b"{}")
