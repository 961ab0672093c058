"""Remembers the newest grants that this process made or read from the store, so that sealing need not read them again.

A grant is never changed, and the log has it before the messages that name it. If another process of the node makes a
newer one for the same audience, the remembered one stays lawful until its key ends.
"""

from collections.abc import Collection, Mapping
from functools import partial
from typing import Final

from node.database.engine import Store
from node.store import own_grants
from node.store.own_grants import OwnGrant

GRANTS_REMEMBERED_MAX: Final = 64  # of about 10 KB for 60 recipients


class GrantMemory:
    """The grants that one process knows, by audience hash."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._grants: dict[bytes, OwnGrant] = {}

    async def of(self, audiences: Collection[bytes]) -> dict[bytes, OwnGrant]:
        """The newest known grant of each audience that has one. Raises Unavailable."""
        if unknown := [audience for audience in audiences if audience not in self._grants]:
            self.add(await self._store.read(partial(own_grants.newest, audiences=unknown)))
        return {audience: self._grants[audience] for audience in audiences if audience in self._grants}

    def add(self, grants: Mapping[bytes, OwnGrant]) -> None:
        """Remember grants that are in the store."""
        if len(self._grants) + len(grants) > GRANTS_REMEMBERED_MAX:
            self._grants.clear()
        self._grants.update(grants)
