"""The answers of the commands about webhooks, for the table of commands in docs/contract.md."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

from node.clock import now_ms
from node.database.engine import Transaction
from node.runtime.home import open_home
from node.runtime.open_store import open_store
from node.webhooks import deliveries
from node.webhooks.deliveries import Attempt, DeliveryState
from tests.support.contract import ok

TARGET = "https://93.184.215.14/enlace"  # a public address; nothing is sent in these tests


def created(home: Path) -> list[dict[str, Any]]:
    """A new webhook with both filters."""
    return ok("webhook", "create", TARGET, "--subject", "CONTRABAND", "--originator", "GT", home=home)


def listed(home: Path) -> list[dict[str, Any]]:
    """All webhooks."""
    created(home)
    return ok("webhook", "list", home=home)


def _dead(db: Transaction, webhook: str, now: int) -> None:
    deliveries.add(db, webhook, [1], now)
    [due] = deliveries.due(db, webhook, now=now, limit=1)
    dead = Attempt(id=due.id, state=DeliveryState.DEAD, next_at=None, status=500, error="target_refused")
    deliveries.settle(db, dead, now)


def with_dead_letter(home: Path) -> str:
    """A webhook with a dead delivery; returns its id."""
    [made] = created(home)

    async def add() -> None:
        async with open_store(open_home(home)) as store:
            await store.write(partial(_dead, webhook=made["id"], now=now_ms()))

    asyncio.run(add())
    return str(made["id"])


def dead_deliveries(home: Path) -> list[dict[str, Any]]:
    """The dead deliveries of a webhook."""
    return ok("webhook", "deliveries", with_dead_letter(home), "--state", "dead", home=home)


def sent_again(home: Path) -> list[dict[str, Any]]:
    """The dead deliveries of a webhook become pending."""
    [answer] = ok("webhook", "resend", with_dead_letter(home), home=home)
    assert answer["deliveries"] == 1
    return [answer]


def deleted(home: Path) -> list[dict[str, Any]]:
    """A webhook that is removed."""
    return ok("webhook", "delete", with_dead_letter(home), home=home)
