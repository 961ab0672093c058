"""Webhooks are made, listed and removed by administrators, and their secrets are never shown."""

from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy import text

from node.commands.justification import Justification
from node.database.engine import Store
from node.errors import Refused, UsageError
from node.notifications import target_connection, webhook_admin
from node.notifications.targets import TargetRules
from node.notifications.webhook_admin import NewWebhook
from node.notifications.webhook_answers import WebhookAnswer
from node.notifications.webhook_secrets import close_secret, open_secret
from node.webhooks.deliveries import DeliveryState
from node.webhooks.webhooks import KEY_FILE
from tests.support.exchange import TestNode, exchange

PUBLIC = "https://93.184.215.14/in"
SECRET = "the shared secret of a test"


async def create(node: TestNode, home: Path, **changes: Any) -> WebhookAnswer:
    asked = NewWebhook(**{"url": PUBLIC, "secret": SECRET, **changes})
    return await webhook_admin.create(node.store, home, asked, TargetRules(), actor="admin", why=Justification())


async def everything(store: Store) -> str:
    """The whole table of webhooks, as text."""
    return str(await store.read(lambda db: db.execute(text("SELECT * FROM webhook")).all()))


async def test_the_secret_is_encrypted_in_the_store_and_in_no_answer(tmp_path: Path) -> None:
    """Its key is a file of the home for its owner only."""
    async with exchange(tmp_path, "BZ") as made:
        bz = made.nodes["BZ"]
        answer = await create(bz, tmp_path)
        listed = await webhook_admin.list_webhooks(bz.store)
        kept = await everything(bz.store)

    assert SECRET not in f"{answer}{listed}{kept}"
    assert SECRET.encode() not in (tmp_path / "bz.db").read_bytes()
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600


def test_a_secret_opens_only_for_its_webhook_and_with_its_key(tmp_path: Path) -> None:
    box = close_secret(tmp_path, "a", SECRET)

    assert open_secret(tmp_path, "a", box) == SECRET.encode()
    assert open_secret(tmp_path, "b", box) is None
    assert open_secret(tmp_path, "a", box[:-1] + bytes([box[-1] ^ 1])) is None
    assert open_secret(tmp_path, "a", b"") is None
    (tmp_path / KEY_FILE).write_bytes(bytes(32))
    assert open_secret(tmp_path, "a", box) is None
    (tmp_path / KEY_FILE).write_bytes(b"short")
    with pytest.raises(UsageError) as refused:
        open_secret(tmp_path, "a", box)
    assert refused.value.code == "webhook_key_malformed"


async def test_there_are_no_more_webhooks_than_their_limit(tmp_path: Path) -> None:
    async with exchange(tmp_path, "BZ") as made:
        bz = made.nodes["BZ"]
        with patch.object(webhook_admin, "WEBHOOKS_MAX", 2):
            first, _ = await create(bz, tmp_path), await create(bz, tmp_path)
            with pytest.raises(Refused) as refused:
                await create(bz, tmp_path)
            assert refused.value.code == "webhooks_full"
            await webhook_admin.delete(bz.store, first.id)
            await create(bz, tmp_path)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"secret": ""}, "secret"),
        ({"secret": "x" * 257}, "secret"),
        ({"secret": "a\nb"}, "secret"),
        ({"secret": "\ud800"}, "secret"),
        ({"subjects": ["NO_SUBJECT"]}, "subjects"),
        ({"originators": ["B Z"]}, "originators"),
        ({"originators": ["BZ"] * 101}, "originators"),
        ({"url": "https://10.0.0.1/"}, "url"),
        ({"url": "ftp://example.org/"}, "url"),
        ({"url": "https://localhost/"}, "url"),
    ],
)
async def test_what_is_wrong_is_named_and_nothing_is_kept(tmp_path: Path, changes: dict[str, Any], field: str) -> None:
    async with exchange(tmp_path, "BZ") as made:
        bz = made.nodes["BZ"]
        with pytest.raises(UsageError) as refused:
            await create(bz, tmp_path, **changes)
        assert (refused.value.path, await webhook_admin.list_webhooks(bz.store)) == (field, [])
        assert SECRET not in refused.value.message


async def test_a_name_that_does_not_resolve_now_is_checked_at_the_connection(tmp_path: Path) -> None:
    async with exchange(tmp_path, "BZ") as made:
        with patch.object(target_connection, "resolve", side_effect=OSError):
            answer = await create(made.nodes["BZ"], tmp_path, url="https://cases.example/in")
    assert answer.url == "https://cases.example/in"


async def test_pages_of_webhooks_have_each_one_once(tmp_path: Path) -> None:
    async with exchange(tmp_path, "BZ") as made:
        bz = made.nodes["BZ"]
        ids = {(await create(bz, tmp_path)).id for _ in range(3)}
        first = await webhook_admin.list_webhooks(bz.store, limit=2)
        second = await webhook_admin.list_webhooks(bz.store, after=first[-1].id, limit=2)

    assert {one.id for one in (*first, *second)} == ids
    assert len(second) == 1


async def test_an_unknown_webhook_is_not_found(tmp_path: Path) -> None:
    async with exchange(tmp_path, "BZ") as made:
        store = made.nodes["BZ"].store
        calls = (
            partial(webhook_admin.delete, store, "x"),
            partial(webhook_admin.resend, store, "x"),
            partial(webhook_admin.list_deliveries, store, "x", DeliveryState.DEAD),
        )
        for call in calls:
            with pytest.raises(Refused) as refused:
                await call()
            assert refused.value.code == "not_found"
