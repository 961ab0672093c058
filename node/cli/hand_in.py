"""Where `publish` hands reports in: at the node of a home, or through a gateway."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from node.terminal.user import login

if TYPE_CHECKING:
    from node.remote.gateway_address import GatewayAddress
    from node.reports.ndjson import Item
    from node.runtime.home import Home

HandIn = Callable[[Sequence["Item"]], Iterator[dict[str, Any]]]
"""Hands items in, and gives one answer for each, as JSON data."""


@contextmanager
def by_home(home: "Home", dry_run: bool) -> Iterator[HandIn]:
    """Hands in at the node of a home. The main thread reads the input, so that the keyboard can interrupt it."""
    from node.answers.plain_json import presentable
    from node.commands.publish import publish_items
    from node.runtime.open_intake import open_intake

    actor, opening = login(), AsyncExitStack()
    with asyncio.Runner() as runner:
        intake = runner.run(opening.enter_async_context(open_intake(home)))

        def answers_of(items: Sequence["Item"]) -> Iterator[dict[str, Any]]:
            answers = runner.run(publish_items(intake, items, actor=actor, dry_run=dry_run))
            yield from map(presentable, answers)

        try:
            yield answers_of
        finally:
            runner.run(opening.aclose())


@contextmanager
def by_gateway(address: "GatewayAddress", dry_run: bool) -> Iterator[HandIn]:
    """Hands in through a gateway."""
    from node.remote.publishing import publish as hand_in
    from node.remote.sessions import session

    with session(address) as opened:
        yield partial(hand_in, opened, dry_run=dry_run)
