"""Look-ups of tokens: many requests share one transaction, and each sees a state that is newer than its arrival."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from node.credentials import token_rows
from node.database.engine import Store, Transaction
from node.errors import Unavailable
from node.integrators.token_lookup import TokenLookup
from node.integrators.token_use import USE_NOTED_MS, TokenUse, is_due
from node.integrators.tokens import CreatedToken, NewToken, create_token, revoke_token
from node.system_random import random_bytes

NOW = 1_000_000


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """An empty store."""
    opened = await Store.open(f"sqlite:///{tmp_path}/store.db")
    yield opened
    await opened.close()


async def new_token(store: Store, now: int = NOW) -> CreatedToken:
    """A token of an integrator."""
    return await create_token(store, NewToken(name="case", scopes=["read"]), actor="ana", now=now, random=random_bytes)


class Counting:
    """A store that counts its reads, and fails if it is told to."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.reads = 0
        self.error: Exception | None = None

    async def read(self, work: Callable[[Transaction], Any]) -> Any:
        """Read."""
        self.reads += 1
        if self.error is not None:
            raise self.error
        return await self._store.read(work)


async def test_requests_that_come_together_share_a_look_up(store: Store) -> None:
    """A hundred requests cost at most two transactions."""
    made = [await new_token(store) for _ in range(5)]
    counting: Any = Counting(store)
    lookup = TokenLookup(counting)
    found = await asyncio.gather(*(lookup.row(made[number % 5].id) for number in range(100)), lookup.row("0" * 12))

    assert [row.id if row else None for row in found] == [made[number % 5].id for number in range(100)] + [None]
    assert counting.reads <= 2


async def test_a_token_that_was_revoked_before_the_request_is_seen_as_revoked(store: Store) -> None:
    """Also while another look-up of the same token runs."""
    made = await new_token(store)
    lookup = TokenLookup(store)
    running = asyncio.create_task(lookup.row(made.id))
    await asyncio.sleep(0)
    await revoke_token(store, made.id, actor="eva", now=NOW + 1)
    row = await lookup.row(made.id)
    await running

    assert row is not None
    assert (row.revoked_at, row.revoked_by) == (NOW + 1, "eva")


async def test_an_error_reaches_each_request_and_the_next_one_is_tried_again(store: Store) -> None:
    made = await new_token(store)
    counting: Any = Counting(store)
    counting.error = Unavailable("store_unavailable", "away")
    lookup = TokenLookup(counting)
    failed = await asyncio.gather(lookup.row(made.id), lookup.row("0" * 12), return_exceptions=True)
    counting.error = None

    assert [type(error) for error in failed] == [Unavailable, Unavailable]
    assert await lookup.row(made.id) is not None


async def test_a_caller_that_goes_away_does_not_cancel_the_look_up_of_another(store: Store) -> None:
    made = await new_token(store)
    lookup = TokenLookup(store)
    first, second = (asyncio.create_task(lookup.row(made.id)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()

    assert await second is not None


async def test_the_use_of_a_token_is_noted_once_a_minute(store: Store) -> None:
    """Not with each request; a clock that was set back does not stop it."""
    made = await new_token(store)
    use = TokenUse(store)
    [unused] = await store.read(token_rows.every)
    for _ in range(10):
        use.note(unused, NOW)
    await use.close()
    [used] = await store.read(token_rows.every)

    assert (unused.used_at, used.used_at) == (None, NOW)
    assert made.id == used.id
    assert not is_due(used, NOW + USE_NOTED_MS - 1)
    assert is_due(used, NOW + USE_NOTED_MS)
    assert is_due(used, NOW - USE_NOTED_MS)
