"""Users of this machine, whom the kernel identifies: which caller is the user with this uid? Pure."""

from collections.abc import Sequence
from typing import Final, Protocol

from node.errors import UsageError
from node.integrators.caller import Caller
from node.integrators.scopes import ALL, Scope, read_scopes
from schemas.excerpts import excerpt

USERS_PATH: Final = "gateway.users"


class ConfiguredUser(Protocol):
    """A user in the configuration."""

    @property
    def name(self) -> str:
        """The login name, or the uid as digits."""

    @property
    def scopes(self) -> Sequence[str]:
        """The names of scopes."""


def check_users(users: Sequence[ConfiguredUser]) -> None:
    """Raise UsageError that names the wrong entry."""
    seen: dict[str, int] = {}
    for index, user in enumerate(users):
        path = f"{USERS_PATH}[{index}]"
        if user.name in seen:
            message = f"{excerpt(user.name)} is listed twice"
            raise UsageError("value_invalid", message, path=f"{path}.name", hint="give all scopes in one entry")
        seen[user.name] = index
        try:
            read_scopes(user.scopes)
        except UsageError as error:
            error.path = f"{path}.scopes"
            raise


def local_caller(uid: int, login: str | None, users: Sequence[ConfiguredUser], *, own_uid: int) -> Caller | None:
    """The caller with this uid and login name; None for a user who is not listed.

    The account of the gateway itself may do everything: it can read the store anyway.
    """
    actor = f"uid {uid}" if login is None else f"{login} (uid {uid})"
    if uid == own_uid:
        return Caller(name=actor, scopes=ALL, actor=actor)
    listed = [user for user in users if user.name in (login, str(uid))]
    if not listed:
        return None
    scopes: frozenset[Scope] = frozenset(scope for user in listed for scope in read_scopes(user.scopes))
    return Caller(name=actor, scopes=scopes, actor=actor)
