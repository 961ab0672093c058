"""A grant that the log lost serves no further report: a recipient that had not read it would wait for it for ever."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from broker import topology as topologies
from broker.embedded.log import EmbeddedLog
from broker.streams import KEYS, topic_of
from node.store import message_search, own_grants
from node.store.message_search import Query
from tests.support.exchange import TOPOLOGY, Exchange, TestNode, exchange
from tests.support.records import INTEL


@asynccontextmanager
async def one_report(folder: Path) -> AsyncIterator[tuple[Exchange, TestNode]]:
    """BZ has sent a report and read it back. GT has read nothing."""
    async with exchange(folder, "BZ", "GT") as made:
        bz = made.nodes["BZ"]
        await bz.publish(narrative={"text": "before the loss", "language": "en"})
        await bz.read()
        yield made, bz


async def lose(made: Exchange, *streams: str) -> None:
    """The topics of BZ are deleted and created again."""
    assert isinstance(made.bus, EmbeddedLog)
    for stream in streams:
        await made.bus.delete_topic(topic_of(stream, "BZ"))
    await made.bus.provision(topologies.specs_of(TOPOLOGY))


async def held(node: TestNode) -> list[str]:
    return [message.report_id for message in await node.store.read(lambda db: message_search.search(db, Query()))]


@pytest.mark.parametrize("streams", [(KEYS,), (KEYS, INTEL)])
async def test_after_the_log_lost_grants_reports_are_sealed_under_new_ones(
    tmp_path: Path, streams: tuple[str, ...]
) -> None:
    async with one_report(tmp_path) as (made, bz):
        await lose(made, *streams)
        await bz.read()
        after = await bz.publish(narrative={"text": "after the loss", "language": "en"})
        await made.nodes["GT"].read()

        assert after.report_id in await held(made.nodes["GT"])


async def test_a_grant_that_is_forgotten_while_a_batch_is_sealed_does_not_serve(tmp_path: Path) -> None:
    """Another process of the node reads the own streams, and the relay remembers the grant."""
    async with one_report(tmp_path) as (made, bz):
        await lose(made, KEYS)
        await bz.store.write(own_grants.forget_all)
        after = await bz.publish(narrative={"text": "after the loss", "language": "en"})
        await made.nodes["GT"].read()

        assert after.report_id in await held(made.nodes["GT"])


async def test_a_log_that_lost_records_of_another_stream_leaves_the_grants(tmp_path: Path) -> None:
    """One audience key serves a day of messages."""
    async with one_report(tmp_path) as (made, bz):
        await lose(made, INTEL)
        await bz.read()
        await bz.publish(narrative={"text": "after the loss", "language": "en"})
        bounds = await made.bus.bounds([topic_of(KEYS, "BZ")])

        assert bounds[topic_of(KEYS, "BZ")].end == 1
