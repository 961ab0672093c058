"""A running node warns once for each threshold, and its store has a finding while a foreign key is in its name."""

from pathlib import Path

from structlog.testing import capture_logs

from node.limits import DAY_MS
from node.runtime.renewals import RenewalWatch
from node.sealing.private_keys import PrivateKeys
from node.store import stream_findings
from schemas.types import KeyUse
from tests.support.community import T0, YEAR, Community, keys_of, listed, node_body, signed
from tests.support.exchange import exchange
from tests.support.trust import node_version


async def test_each_warning_is_logged_once_for_each_threshold(tmp_path: Path) -> None:
    """The clock goes on from 31 days before the end to one day after it."""
    async with exchange(tmp_path, "BZ") as made:
        bz = made.nodes["BZ"]
        watch = RenewalWatch(store=bz.store, judge=lambda: bz.judge, certificates=(), clock=made.clock)
        with capture_logs() as logs:
            for left in (31, 30, 29, 7, 6, 1, 1, -1, -2):
                made.clock.now = T0 + YEAR - left * DAY_MS
                await watch.step()
        own = [(entry["event"], entry.get("days")) for entry in logs if entry["subject"] == "NODE BZ"]

        assert own == [("expires_soon", 30), ("expires_soon", 7), ("expires_soon", 1), ("expired_document", None)]


async def test_a_foreign_key_is_a_finding_until_it_is_revoked(tmp_path: Path) -> None:
    """Trustees and a thief of the AGREE key have added it."""
    community = Community(["BZ"])
    stranger = listed(PrivateKeys.generate("BZ", (KeyUse.ENCRYPT,)))[0]
    body = node_body([*listed(keys_of("BZ")), stranger])
    community.documents.append(signed(node_version(community, body), community.governance, "TR1", "TR2", "BZ"))
    async with exchange(tmp_path, "BZ", community=community) as made:
        bz = made.nodes["BZ"]
        watch = RenewalWatch(store=bz.store, judge=lambda: bz.judge, certificates=(), clock=made.clock)
        with capture_logs() as logs:
            await watch.step()
            await watch.step()
        found = await bz.store.read(stream_findings.standing)
        bz.judge = type(bz.judge)(
            node="BZ",
            governance=bz.judge.governance,
            holds=lambda _: True,
            audience_keys=bz.judge.audience_keys,
            memory=bz.judge.memory,
        )
        await watch.step()

        assert [entry["event"] for entry in logs if entry["event"] == "own_document_foreign"] == [
            "own_document_foreign"
        ]
        assert [finding.code for finding in found] == ["own_document_foreign"]
        assert await bz.store.read(stream_findings.standing) == []
