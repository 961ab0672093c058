"""A caller of the gateway: a program with a token, or a user of this machine."""

from dataclasses import dataclass

from node.integrators.scopes import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls, as it was verified."""

    name: str
    """The name of the token, or `LOGIN (uid N)`; tokens cannot have such a name. Objects belong to a name."""

    scopes: frozenset[Scope]
    actor: str
    """What the access log names: `token NAME (ID)` or `LOGIN (uid N)`."""

    token_id: str | None = None
    """The id of the token; None for a user of this machine."""

    @property
    def integrator(self) -> str:
        """The name by which reports are known to be those of the caller: a token that replaces another keeps it."""
        return f"login {self.name}" if self.token_id is None else f"token {self.name}"

    def may(self, scopes: frozenset[Scope]) -> bool:
        """Whether one of `scopes` is among those of the caller."""
        return not self.scopes.isdisjoint(scopes)
