"""The campaign notices when a defence is removed: each case removes one, and runs the attack that it is against."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import pytest

from tests.campaign.run import campaign
from tests.campaign.setting import Setting


async def nothing(*_: Any, **__: Any) -> int:
    """Do nothing, and find nothing."""
    return 0


async def always(*_: Any) -> bool:
    """Say yes."""
    return True


def no_check(*_: Any) -> None:
    """Refuse nothing."""


def begin_of(version: Any, _: Any) -> int:
    """A stop counts from the time that its party wrote into it."""
    return int(version.document.from_)


SEEDS: Final = (1, 2)  # with one of them the attack may do no harm, as when nothing is sent while a document is missing
REMOVED: Final[dict[str, tuple[str, Callable[..., Any], str, str]]] = {
    "budgets of refused records": (
        "node.exchange.ingest.defer_above_budget", no_check,
        "garbage_in_the_topics_of_an_honest_node", "keeps",
    ),
    "sending again what the log lost": (
        "node.sending.resend.Resender.look", nothing,
        "acknowledges_and_drops", "holds",
    ),
    "comparing topics with what was read while nodes run": (
        "node.exchange.log_identity.TopicIdentity.due", lambda *_: {},
        "makes_a_topic_anew_that_grows_unseen", "holds",
    ),
    "reading the own streams before sealing": (
        "node.runtime.own_streams.OwnStreams.may_seal", always,
        "puts_an_old_copy_of_the_store_back", "left no unavailable",  # the reports survive by a second defence
    ),
    "looking again when documents change": (
        "node.exchange.subscribe.Subscriber.retry_all", nothing,
        "installs_a_document_late", "holds",
    ),
    "looking again when a grant has come": (
        "node.exchange.subscribe.Subscriber.retry_for", nothing,
        "holds_grants_back", "holds",
    ),
    "stops that never count for the past": (
        "node.trust.agreement_times.begins_at", begin_of,
        "stops_an_agreement_for_the_past", "holds",
    ),
    "secrets that only their owner may read": (
        "node.secret_files._check", no_check,
        "lets_others_read_the_key_file", "left no exit",
    ),
    "pausing": (
        "node.exchange.pausing.Pausing._full_budgets", lambda *_: {},
        "messages_without_their_grant", "left no finding",
    ),
}  # fmt: skip
"""Defence -> what is replaced, by what, the attack, and a word of what is wrong then."""


@pytest.mark.slow
@pytest.mark.parametrize("defence", REMOVED)
async def test_a_campaign_fails_without_a_defence(defence: str, setting: Setting, tmp_path: Path) -> None:
    target, without, attack, word = REMOVED[defence]
    with patch(target, without):
        results = [await campaign(setting, tmp_path / f"campaign-{seed}", seed, [attack]) for seed in SEEDS]

    assert [text for result in results for text in result.wrong if word in text], results
