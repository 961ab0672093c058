"""The type of an attack, and the decorator that puts one into the registry.

An attack is an async generator. Each `yield` ends one of its phases with the traces that it must have left; honest
traffic follows before the next phase. When the generator ends, the attack has ended, and the operators have done what
the manual tells them to do about it.
"""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from enum import StrEnum

from tests.campaign.sightings import Trace
from tests.campaign.world import World

Phases = AsyncGenerator[tuple[Trace, ...], None]


class By(StrEnum):
    """Who attacks."""

    MEMBER = "hostile member"
    BROKER = "hostile broker"
    OPERATOR = "careless operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One attack of the registry."""

    name: str
    item: int
    """Of issue 10."""

    by: By
    run: Callable[[World], Phases]


ATTACKS: dict[str, Attack] = {}
"""The registry, by name."""


def attack(item: int, by: By) -> Callable[[Callable[[World], Phases]], Callable[[World], Phases]]:
    """Put the decorated generator into the registry."""

    def register(run: Callable[[World], Phases]) -> Callable[[World], Phases]:
        ATTACKS[run.__name__] = Attack(name=run.__name__, item=item, by=by, run=run)
        return run

    return register
