"""Which caller is a user of this machine: by login or uid, with the scopes of the configuration."""

import pytest

from node.errors import UsageError
from node.integrators.caller import Caller
from node.integrators.local_users import check_users, local_caller
from node.integrators.scopes import ALL, Scope
from schemas.types import GatewayUser

ANA = GatewayUser(name="ana", scopes=("read", "Publish"))
BY_UID = GatewayUser(name="1001", scopes=("check",))


def test_a_listed_user_has_the_scopes_of_the_configuration() -> None:
    """By login or by uid; entries of both add up."""
    caller = local_caller(1001, "ana", [ANA], own_uid=0)

    assert caller == Caller(
        name="ana (uid 1001)", scopes=frozenset({Scope.READ, Scope.PUBLISH}), actor="ana (uid 1001)", token_id=None
    )
    both = local_caller(1001, "ana", [ANA, BY_UID], own_uid=0)
    assert both is not None
    assert both.scopes == {Scope.READ, Scope.PUBLISH, Scope.CHECK}
    nameless = local_caller(1001, None, [BY_UID], own_uid=0)
    assert nameless is not None
    assert (nameless.name, list(nameless.scopes)) == ("uid 1001", [Scope.CHECK])


def test_the_account_of_the_gateway_may_do_everything() -> None:
    own = local_caller(7, "enlace", [], own_uid=7)

    assert own is not None
    assert own.scopes == ALL


@pytest.mark.parametrize(("uid", "login"), [(0, "root"), (1002, "eva"), (1002, None), (1002, "1002 ana")])
def test_another_user_is_no_caller(uid: int, login: str | None) -> None:
    """Root neither, unless it is listed."""
    assert local_caller(uid, login, [ANA, BY_UID], own_uid=7) is None


@pytest.mark.parametrize(
    ("users", "path"),
    [
        ([ANA, ANA], "gateway.users[1].name"),
        ([BY_UID, GatewayUser(name="eva", scopes=("write",))], "gateway.users[1].scopes"),
    ],
)
def test_a_wrong_entry_is_named(users: list[GatewayUser], path: str) -> None:
    with pytest.raises(UsageError) as raised:
        check_users(users)

    assert (raised.value.code, raised.value.path) == ("value_invalid", path)
