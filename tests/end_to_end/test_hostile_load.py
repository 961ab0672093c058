"""A real daemon while a member sends lawful records of the longest size: it goes on sending, and stops in time."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from broker.embedded.log import EmbeddedLog
from broker.streams import KEYS, topic_of
from node.clock import now_ms
from node.runtime.home import open_home
from schemas.avro import codec
from schemas.types import ClauseReference, KeyUse
from tests.support.bombs import REPORTS
from tests.support.processes import STOP_SECONDS_MAX, Daemon, agreement, lab, ok, publish, until
from tests.support.records import INTEL, AudienceKey, Author, grant_body

RECORDS = 40
SENT_SECONDS_MAX = 30  # the records of the member take longer than the report of the node has to wait


@pytest.fixture
def homes(tmp_path: Path) -> dict[str, Path]:
    """BZ and GT; BZ has sent a grant and many reports with as many identifiers as fit."""
    made = lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))
    home = open_home(made["BZ"])
    governance, key = home.documents().governance, home.keys().newest(KeyUse.SEAL)
    author = Author(code="BZ", community=governance.community, now=now_ms())
    audience = AudienceKey.new(author)
    clauses = tuple(
        ClauseReference(agreement=version.hash, clause=clause.id)
        for version, clause in governance.clauses_in_force("BZ", "GT", author.now)
    )
    grant = author.grant(grant_body(author, audience, governance, {"GT": clauses}), key=key)
    report = REPORTS["names in Cyrillic"]()
    payload = codec.unsafe_encode(report)
    values = [author.batch([author.sealed_leaf(audience, report, payload=payload)], key=key)[0] for _ in range(RECORDS)]
    asyncio.run(_append(made["BZ"].parent / "log.db", grant, values))
    return made


def status(home: Path) -> dict[str, Any]:
    [answer] = ok("status", home=home)
    return answer


def is_sent(home: Path) -> bool:
    """Whether the log has every report of the node."""
    outbox = status(home)["outbox"]
    return bool(outbox["accepted"] == outbox["sealed"] == 0)


async def _append(path: Path, grant: bytes, values: list[bytes]) -> None:
    log = EmbeddedLog(path)
    await log.append(topic_of(KEYS, "BZ"), [grant])
    await log.append(topic_of(INTEL, "BZ"), values)
    await log.close()


def test_a_daemon_sends_and_stops_while_costly_records_come_in(homes: dict[str, Path]) -> None:
    """It is stopped twice: before it has read everything, and afterwards. Every record is stored once."""
    daemon = Daemon(homes["GT"])
    daemon.ready()
    publish(homes["GT"], "own")
    until(lambda: is_sent(homes["GT"]), seconds=SENT_SECONDS_MAX)
    early = status(homes["GT"])["counts"]["stored"]
    code, seconds = daemon.stop()

    assert (code, seconds < STOP_SECONDS_MAX) == (0, True), daemon.log.read_text()
    assert early < RECORDS + 1, "the daemon had read everything: use more records"
    daemon = Daemon(homes["GT"])
    daemon.ready()
    until(lambda: status(homes["GT"])["counts"]["stored"] == RECORDS + 1, seconds=120)
    code, seconds = daemon.stop()
    assert (code, seconds < STOP_SECONDS_MAX) == (0, True), daemon.log.read_text()
