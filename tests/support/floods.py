"""Fills the tables of a store as others can: GT of tests.support.bed reads what BZ, or anybody, writes to the log.

Each budget has room for FEW rows here, so that a test takes a moment.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from unittest.mock import patch

from sqlalchemy import Table, func, select

from broker.streams import KEYS
from node.database.engine import Transaction
from node.exchange import pausing, quotas
from node.sealing.seal import open_type_leaf
from node.store import stream_findings
from node.system_random import random_bytes
from node.undecided import deferred_positions, usage
from node.undecided.usage import Budget, Usage
from schemas.avro import codec
from schemas.types import KeyGrant, MessageType
from tests.support.bed import GRANTS, Bed
from tests.support.readers import granted, world
from tests.support.records import AudienceKey, report_of

FEW = 3
MANY = 8  # records that a flood has
AMPLE = 2**40


@contextmanager
def few(*budgets: Budget, rows: int = FEW, size: int = AMPLE) -> Iterator[None]:
    """These budgets have room for so many rows and bytes, and after each fetch the node looks whether to pause."""
    with ExitStack() as stack:
        stack.enter_context(patch.dict(quotas.LIMITS, dict.fromkeys(budgets, Usage(rows, size))))
        stack.enter_context(patch.object(pausing, "RECORDS_BETWEEN_LOOKS_MAX", 1))
        stack.enter_context(patch.object(stream_findings, "FINDINGS_OF_ORIGINATOR_MAX", FEW))
        stack.enter_context(patch.object(deferred_positions, "RANGES_PER_TOPIC_MAX", FEW))
        stack.enter_context(patch.object(deferred_positions, "DISTANCE_JOINED_MAX", 0))
        yield


async def garbage(scene: Bed) -> None:
    """Anybody who can write to the topic of BZ: bytes that are no records, one by one."""
    for number in range(MANY):
        await scene.read(b"garbage %d" % number)


async def messages(scene: Bed) -> None:
    """BZ: lawful reports for GT, each alone in its batch."""
    for number in range(MANY):
        await scene.read(scene.bz.message(scene.key, report_of(narrative={"text": f"Text {number}", "language": "en"})))


async def unopened(scene: Bed) -> None:
    """BZ: reports whose grant is held back."""
    for _ in range(MANY):
        await scene.read(scene.bz.message(scene.key))


async def withheld(scene: Bed) -> None:
    """BZ: reports that no clause covers."""
    key, body = _narrow(scene)
    await scene.read(scene.bz.grant(body), topic=GRANTS)
    await _uncovered(scene, key)


async def withheld_later(scene: Bed) -> None:
    """BZ: the same, but the grant comes after the reports."""
    key, body = _narrow(scene)
    grant = scene.bz.grant(body)
    await _uncovered(scene, key)
    await scene.read(grant, topic=GRANTS)


def _narrow(scene: Bed) -> tuple[AudienceKey, KeyGrant]:
    """The next grant of BZ, by a clause for one subject."""
    sequence = scene.bz.heads[KEYS].next_sequence if KEYS in scene.bz.heads else 1
    key, body = granted(scene.bz, world().named("drugs"))
    return replace(key, grant=sequence), body


async def _uncovered(scene: Bed, key: AudienceKey) -> None:
    for _ in range(MANY):
        await scene.read(scene.bz.message(key, report_of(subjects=["MONEY_LAUNDERING"])))


async def grants(scene: Bed) -> None:
    """BZ: grants of new keys, each alone in its batch."""
    for _ in range(MANY):
        _, body = granted(scene.bz)
        await scene.read(scene.bz.grant(body), topic=GRANTS)


async def gaps(scene: Bed) -> None:
    """BZ: reports of which every other one is left out."""
    for _ in range(MANY):
        scene.bz.message(scene.key)
        await scene.read(scene.bz.message(scene.key))


async def alternately(scene: Bed) -> None:
    """Anybody: garbage between reports of BZ, so that deferred positions have neighbours that are not deferred."""
    for number in range(MANY):
        await scene.read(b"garbage %d" % number)
        await scene.read(scene.bz.message(scene.key))


def rows_of(table: Table, db: Transaction) -> int:
    """The number of rows."""
    return db.scalar(select(func.count()).select_from(table)) or 0


async def used(scene: Bed, budget: Budget, originator: str = "BZ") -> Usage:
    """What the store keeps about a budget."""
    found = await scene.gt.store.read(usage.everything)
    return found.get((originator, budget), Usage())


async def parts(scene: Bed) -> None:
    """BZ: a grant in several records of one batch, which arrive one by one."""
    _, body = granted(scene.bz)
    content = codec.encode(body)
    leaves = [open_type_leaf(MessageType.KEY_GRANT, content, message_id=random_bytes(16)) for _ in range(MANY)]
    for value in scene.bz.batch(leaves, stream=KEYS):
        await scene.read(value, topic=GRANTS)
