"""Deliveries to webhooks: signed, repeated, given up, sent again, and never lost."""

import asyncio
import hashlib
import hmac
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from node.commands.justification import Justification
from node.errors import Refused
from node.limits import DAY_MS
from node.notifications import deliver, fill_deliveries, post_delivery, webhook_admin, webhook_worker
from node.notifications.deliver import Deliverer
from node.notifications.retry_rule import ATTEMPTS_MAX, DELIVERY_AGE_MS_MAX
from node.notifications.targets import TargetRules
from node.notifications.webhook_admin import NewWebhook
from node.notifications.webhook_answers import WebhookAnswer
from node.notifications.webhook_worker import DeliverySetting
from node.store import access_log
from node.webhooks import webhooks
from node.webhooks.deliveries import DeliveryState
from node.webhooks.webhooks import KEY_FILE
from tests.support.exchange import TestNode, exchange
from tests.support.feeds import arrive, copy_messages
from tests.support.targets import called_system, status

SECRET = "a shared secret"
PRIVATE = TargetRules(allow_private=True)


@dataclass
class Scene:
    """A node with one message, and the folder of its home."""

    node: TestNode
    home: Path
    rules: TargetRules = PRIVATE

    @property
    def setting(self) -> DeliverySetting:
        """What the deliveries work with."""
        return DeliverySetting(
            store=self.node.store,
            home=self.home,
            clock=self.node.clock,
            rules=self.rules,
            tls=ssl.create_default_context(),
            share=lambda: 0.0,
        )

    async def webhook(self, url: str, **changes: Any) -> WebhookAnswer:
        """A new webhook."""
        asked = replace(NewWebhook(url=url, secret=SECRET), **changes)
        why = Justification(purpose="INFORMATION_EXCHANGE", reason="agreed")
        return await webhook_admin.create(self.node.store, self.home, asked, PRIVATE, actor="admin", why=why)

    async def counts(self, id_: str) -> dict[str, int]:
        """The deliveries of a webhook, by state; those that are zero are left out."""
        [found] = [one for one in await webhook_admin.list_webhooks(self.node.store) if one.id == id_]
        counts = {state.value: getattr(found, state.value) for state in DeliveryState}
        return {state: number for state, number in counts.items() if number}

    @asynccontextmanager
    async def delivering(self) -> AsyncIterator[Deliverer]:
        """The deliverer runs meanwhile, and looks often."""
        stopping = asyncio.Event()
        with patch.object(deliver, "LOOK_SECONDS", 0.01), patch.object(webhook_worker, "IDLE_SECONDS_MAX", 0.02):
            deliverer = Deliverer(self.setting)
            task = asyncio.create_task(deliverer.run(stopping))
            try:
                yield deliverer
            finally:
                stopping.set()
                await task

    async def until(self, id_: str, **counts: int) -> None:
        """Deliver until the states are these."""
        async with self.delivering(), asyncio.timeout(20):
            await eventually(lambda: self._has(id_, counts))

    async def _has(self, id_: str, counts: dict[str, int]) -> bool:
        return await self.counts(id_) == counts


async def eventually(holds: Callable[[], Any]) -> None:
    """Look until the condition holds."""
    async with asyncio.timeout(20):
        while not await holds():  # noqa: ASYNC110 - the condition is in a database
            await asyncio.sleep(0)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with exchange(tmp_path, "BZ") as made:
        node = made.nodes["BZ"]
        await arrive(node)
        home = tmp_path / "home"
        home.mkdir()
        with patch.object(webhook_admin, "now_ms", node.clock):
            yield Scene(node=node, home=home)


async def test_a_message_that_arrives_is_delivered_once_with_the_signature_of_its_body(scene: Scene) -> None:
    async with called_system() as system:
        made = await scene.webhook(system.url)
        await arrive(scene.node, narrative={"text": "Second.", "language": "en"})
        await scene.until(made.id, delivered=1)
        await scene.until(made.id, delivered=1)
    [call] = system.calls
    expected = hmac.new(SECRET.encode(), call.body, hashlib.sha256).hexdigest()

    assert call.path == "/in?from=bz"
    assert call.headers["enlace-signature"] == f"sha256={expected}"
    assert call.headers["content-type"] == "application/json"
    assert call.headers["enlace-event-id"] == call.item["event_id"] == call.item["message_id"]
    assert (call.item["event"], call.item["attempt"], call.item["cursor"]) == ("message", 1, "2")
    assert call.item["sent_at"].endswith("Z")
    assert "narrative" not in call.item["report"]


async def test_the_narrative_and_other_messages_are_sent_only_where_the_webhook_says_so(scene: Scene) -> None:
    async with called_system() as system, called_system() as other:
        made = await scene.webhook(system.url, content=True, subjects=["contraband"])
        none = await scene.webhook(other.url, originators=["GT"])
        await arrive(scene.node, subjects=["MONEY_LAUNDERING"])
        await arrive(scene.node, subjects=["CONTRABAND"])
        await scene.until(made.id, delivered=1)

    assert [call.item["report"]["narrative"]["text"] for call in system.calls] == [
        "A go-fast boat was seen off the cays."
    ]
    assert (other.calls, await scene.counts(none.id)) == ([], {})


async def test_each_delivery_has_an_entry_in_the_access_log_before_it_leaves(scene: Scene) -> None:
    seen: list[int] = []
    async with called_system() as system:
        made = await scene.webhook(system.url)
        await arrive(scene.node, narrative={"text": "Second.", "language": "en"})
        with patch.object(post_delivery, "post", side_effect=_noting(scene, seen)):
            await scene.until(made.id, delivered=1)
        entries = await disclosures(scene)

    assert seen == [1]
    [entry] = entries
    assert entry.actor == f"webhook {made.id}"
    assert entry.subject == system.calls[0].item["message_id"]
    assert system.url in entry.detail


def _noting(scene: Scene, seen: list[int]) -> Any:
    really = post_delivery.post

    async def post(*arguments: Any) -> Any:
        seen.append(len(await disclosures(scene)))
        return await really(*arguments)

    return post


async def disclosures(scene: Scene) -> list[access_log.Entry]:
    """The entries about deliveries."""
    entries = await scene.node.store.read(partial(access_log.entries, after=0, limit=1000))
    return [entry for entry in entries if entry.actor.startswith("webhook ")]


async def test_what_is_not_logged_is_not_sent(scene: Scene) -> None:
    async with called_system() as system:
        made = await scene.webhook(system.url)
        await arrive(scene.node, narrative={"text": "Second.", "language": "en"})
        failing = patch.object(access_log, "add", side_effect=ValueError("full"))
        with failing, pytest.raises(ValueError, match="full"):
            await _one_step(scene)

    assert system.calls == []
    assert await scene.counts(made.id) == {"pending": 1}


@pytest.mark.parametrize(
    "answer", [status(500), status(302, "Location: http://127.0.0.1:1/\r\n"), status(404), b"junk\r\n\r\n"]
)
async def test_a_delivery_that_failed_is_tried_again_with_the_same_event_id(scene: Scene, answer: bytes) -> None:
    answers = [answer, status(204)]
    async with called_system(lambda _: answers.pop(0)) as system:
        made = await scene.webhook(system.url)
        await arrive(scene.node, narrative={"text": "Second.", "language": "en"})
        await scene.until(made.id, failed=1)
        await scene.until(made.id, failed=1)
        assert len(system.calls) == 1, "not before its pause has passed"
        scene.node.clock.now += 10_000
        await scene.until(made.id, delivered=1)
    first, second = system.calls

    assert (first.item["attempt"], second.item["attempt"]) == (1, 2)
    assert first.headers["enlace-event-id"] == second.headers["enlace-event-id"]
    assert len(await disclosures(scene)) == 1


async def test_a_message_that_a_target_never_takes_does_not_stop_the_others(scene: Scene) -> None:
    async with called_system(lambda call: status(500 if call.item["cursor"] == "2" else 200)) as system:
        made = await scene.webhook(system.url)
        with patch.object(webhook_worker, "REST_MS_MAX", 0):
            await scene.node.store.write(partial(copy_messages, number=3))
            await scene.until(made.id, failed=1, delivered=2)

    assert [call.item["cursor"] for call in system.calls] == ["2", "3", "4"]


async def test_a_slow_target_does_not_slow_the_others(scene: Scene) -> None:
    async with called_system(lambda _: None) as slow, called_system() as quick:
        waits = await scene.webhook(slow.url)
        made = await scene.webhook(quick.url)
        await scene.node.store.write(partial(copy_messages, number=5))
        with patch.object(post_delivery, "ATTEMPT_SECONDS_MAX", 2):
            await scene.until(made.id, delivered=5)

    assert len(slow.calls) == 1
    assert (await scene.counts(waits.id))["pending"] >= 4


async def test_a_target_that_does_not_answer_is_given_up_for_this_attempt(scene: Scene) -> None:
    async with called_system(lambda _: None) as system:
        made = await scene.webhook(system.url)
        await scene.node.store.write(partial(copy_messages, number=1))
        with patch.object(post_delivery, "ATTEMPT_SECONDS_MAX", 0.2):
            await scene.until(made.id, failed=1)
    [delivery] = await listed(scene, made, DeliveryState.FAILED)

    assert (delivery.error, delivery.status, delivery.attempts) == ("target_timed_out", None, 1)


async def listed(scene: Scene, made: WebhookAnswer, state: DeliveryState) -> list[Any]:
    return list(await webhook_admin.list_deliveries(scene.node.store, made.id, state))


async def test_the_answer_of_a_target_is_read_up_to_a_limit(scene: Scene) -> None:
    """An endless answer ends the attempt, and the status counts."""
    endless = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"ffff\r\n" + b"x" * 65535 + b"\r\n"
    async with called_system(lambda _: endless + b"ffff\r\n" + b"x" * 65535 + b"\r\n") as system:
        made = await scene.webhook(system.url)
        await scene.node.store.write(partial(copy_messages, number=1))
        await scene.until(made.id, delivered=1)


async def test_a_delivery_is_dead_after_its_last_attempt_and_can_be_sent_again(scene: Scene) -> None:
    answers = {"status": 503}
    async with called_system(lambda _: status(answers["status"])) as system:
        made = await scene.webhook(system.url)
        await scene.node.store.write(partial(copy_messages, number=1))
        with patch.object(webhook_worker, "next_attempt_at", return_value=None):
            await scene.until(made.id, dead=1)
        [dead] = await listed(scene, made, DeliveryState.DEAD)
        answers["status"] = 200
        await scene.until(made.id, dead=1)
        again = await webhook_admin.resend(scene.node.store, made.id)
        await scene.until(made.id, delivered=1)

    assert (dead.error, dead.status, dead.next_at, again) == ("target_refused", 503, None, 1)
    assert len(system.calls) == 2
    assert len(await disclosures(scene)) == 2


async def test_a_process_that_is_killed_during_an_attempt_makes_it_again(scene: Scene) -> None:
    """The attempt was noted, and its result was not."""
    async with called_system() as system:
        made = await scene.webhook(system.url)
        await scene.node.store.write(partial(copy_messages, number=1))
        killed = patch.object(webhook_worker.WebhookWorker, "_settle", side_effect=KeyboardInterrupt)
        with killed, pytest.raises(KeyboardInterrupt):
            await _one_step(scene)
        scene.node.clock.now += 5_000
        await scene.until(made.id, delivered=1)
    first, second = system.calls

    assert first.item["event_id"] == second.item["event_id"]
    assert second.item["attempt"] == 2


async def _one_step(scene: Scene) -> None:
    """What one worker does in its first step."""
    [found] = await scene.node.store.read(partial(webhooks.page, after="", limit=5))
    await fill_deliveries.fill(scene.node.store, found, after=found.position, now=scene.node.clock())
    worker = webhook_worker.WebhookWorker(setting=scene.setting, webhook=found)
    try:
        await worker.step(asyncio.Event())
    finally:
        await worker.close()


async def test_the_deliveries_of_a_target_that_is_away_are_limited_and_none_is_lost(scene: Scene) -> None:
    answers = {"status": 500}
    async with called_system(lambda _: status(answers["status"])) as system:
        made = await scene.webhook(system.url)
        ids = await scene.node.store.write(partial(copy_messages, number=6))
        with patch.object(fill_deliveries, "DELIVERIES_OPEN_MAX", 2), patch.object(webhook_worker, "REST_MS_MAX", 0):
            await scene.until(made.id, failed=2)
            answers["status"] = 200
            scene.node.clock.now += 10_000
            await scene.until(made.id, delivered=6)

    assert sorted({int(call.item["cursor"]) for call in system.calls}) == ids


async def test_what_has_expired_is_not_sent(scene: Scene) -> None:
    async with called_system() as system:
        made = await scene.webhook(system.url)
        await scene.node.store.write(partial(copy_messages, number=1))
        await fill_deliveries.fill(
            scene.node.store,
            (await scene.node.store.read(partial(webhooks.page, after="", limit=5)))[0],
            after=1,
            now=scene.node.clock(),
        )
        scene.node.clock.now += 2_000 * DAY_MS
        await scene.until(made.id, dead=1)
    [dead] = await listed(scene, made, DeliveryState.DEAD)

    assert (dead.error, system.calls) == ("expired", [])


async def test_a_target_that_is_not_allowed_any_more_gets_nothing(scene: Scene) -> None:
    """The rules count at each connection, and not only when the webhook was made."""
    async with called_system() as system:
        made = await scene.webhook(system.url)
        await scene.node.store.write(partial(copy_messages, number=1))
        scene.rules = TargetRules()
        await scene.until(made.id, dead=1)
    [dead] = await listed(scene, made, DeliveryState.DEAD)

    assert (dead.error, system.calls) == ("target_forbidden", [])


async def test_without_the_key_of_its_secret_a_webhook_gets_nothing(scene: Scene) -> None:
    async with called_system() as system:
        made = await scene.webhook(system.url)
        await scene.node.store.write(partial(copy_messages, number=1))
        (scene.home / KEY_FILE).unlink()
        await scene.until(made.id, dead=1)
    [dead] = await listed(scene, made, DeliveryState.DEAD)

    assert (dead.error, system.calls) == ("secret_lost", [])


async def test_a_webhook_that_is_removed_gets_nothing_more(scene: Scene) -> None:
    async with called_system() as system:
        made = await scene.webhook(system.url)
        async with scene.delivering() as deliverer:
            await eventually(lambda: _known(deliverer, made.id))
            await webhook_admin.delete(scene.node.store, made.id)
            await eventually(lambda: _forgotten(deliverer))
            await scene.node.store.write(partial(copy_messages, number=1))

    assert system.calls == []
    with pytest.raises(Refused):
        await webhook_admin.delete(scene.node.store, made.id)


async def _known(deliverer: Deliverer, id_: str) -> bool:
    return id_ in deliverer._workers


async def _forgotten(deliverer: Deliverer) -> bool:
    return not deliverer._workers


async def test_old_deliveries_leave_the_store(scene: Scene) -> None:
    """Delivered ones after a week, dead ones after 90 days, and more than the newest ones at once."""
    answers = {"status": 200}
    async with called_system(lambda _: status(answers["status"])) as system:
        made = await scene.webhook(system.url)
        await scene.node.store.write(partial(copy_messages, number=4))
        with patch.object(deliver, "DELIVERED_KEPT_MAX", 3):
            await scene.until(made.id, delivered=4)
            scene.node.clock.now += deliver.AGE_MS
            await scene.until(made.id, delivered=3)
        answers["status"] = 410
        await scene.node.store.write(partial(copy_messages, number=1))
        await scene.until(made.id, delivered=3, dead=1)
        scene.node.clock.now += deliver.DELIVERED_KEPT_MS + 1
        await scene.until(made.id, dead=1)
        scene.node.clock.now += deliver.DEAD_KEPT_MS
        await scene.until(made.id)


def test_the_longest_life_of_a_delivery_is_a_day() -> None:
    assert (ATTEMPTS_MAX, DELIVERY_AGE_MS_MAX) == (30, DAY_MS)
