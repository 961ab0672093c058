"""Attacks of the operator of the broker, who answers as he likes."""

from collections.abc import Sequence

from broker.log import Fetched, LogUnavailable
from broker.streams import KEYS
from node.commands.audit_replay import ReplaySources, audit_replay, selection_of
from node.exchange.reread import PositionRange, Rereader
from node.limits import DAY_MS
from node.store import read_positions
from schemas.types import BusSection
from tests.campaign.attack import By, Phases, attack
from tests.campaign.broker import with_values
from tests.campaign.forging import INTEL, unsigned
from tests.campaign.running import RunningNode
from tests.campaign.sightings import Trace, Where
from tests.campaign.world import World


async def reread(node: RunningNode, topic: str) -> None:
    """What `enlace reread TOPIC` does beside the running node."""
    opened = node.opened
    bus = node.open_bus()
    end = (await opened.store.read(read_positions.next_positions)).get(topic, 0)
    rereader = Rereader(
        store=opened.store, bus=bus, judge=opened.judge.current, places=opened.subscriber.places, clock=node.clock
    )
    rereader.add([PositionRange(topic, 0, end)] if end else [])
    while not rereader.is_done:
        await rereader.step()
    await bus.close()


async def has_been_read(made: World, topic: str) -> bool:
    """Whether every node runs and has read a topic to its end."""
    with made.broker.sql() as connection:
        end = made.broker.end(connection, topic)
    for node in made.nodes.values():
        if node.node is None:
            return False
        if (await node.node.store.read(read_positions.next_positions)).get(topic, 0) != end:
            return False
    return True


@attack(4, By.BROKER)
async def another_record_at_the_place_of_a_report(made: World) -> Phases:
    """One node gets forged records at the positions of true ones, and reads on after them."""
    reader = made.victim()
    author = made.dice.choice(made.others(reader))
    topic, lies = made.honest_topic(author), list[int]()
    made.still_needed_by.add(reader.code)

    def lie(node: str, answer: Fetched) -> Fetched:
        if node != reader.code or answer.topic != topic:
            return answer
        lies.extend(entry.position for entry in answer.entries)
        return with_values(
            answer,
            lambda entry: unsigned(made.community.community, author.code, INTEL, entry.position, now=made.now),
        )

    with made.broker.lying(answering=lie):
        while not lies:
            yield ()
    yield (Trace(Where.PENDING, ("governance",), reader.code),)
    while reader.node is None:
        yield ()
    await reread(reader, topic)
    made.still_needed_by.remove(reader.code)


@attack(6, By.BROKER)
async def acknowledges_and_drops(made: World) -> Phases:
    """Everything that one node appends, until it has appended a report."""
    victim = made.victim()
    dropped = list[str]()

    def drop(node: str, topic: str, values: Sequence[bytes]) -> Sequence[bytes]:
        if node != victim.code:
            return values
        dropped.append(topic)
        return ()

    with made.broker.lying(appending=drop):
        while made.honest_topic(victim) not in dropped:
            yield ()
    yield (Trace(Where.FINDING, ("record_not_read_back",), victim.code),)


@attack(8, By.BROKER)
async def holds_grants_back(made: World) -> Phases:
    """Those of one node, from all others, for a day or more: then its reports name a new grant."""
    victim = made.victim()
    topic = made.honest_topic(victim, KEYS)

    def hide(node: str, answer: Fetched) -> Fetched | None:
        return None if answer.topic == topic and node != victim.code else answer

    with made.broker.lying(answering=hide):
        waiting = False
        while not waiting:
            made.now += DAY_MS // 3  # not a day at once: then no clock would be plausible
            yield ()
            waiting = any(sighting.code == "grant" for sighting in made.seen.seen)
    yield (Trace(Where.PENDING, ("grant",)),)


@attack(2, By.BROKER)
async def other_order(made: World) -> Phases:
    """One node gets the records of an answer in the opposite order."""
    reader = made.victim()
    turned = list[str]()

    def turn(node: str, answer: Fetched) -> Fetched:
        if node != reader.code or len(answer.entries) < 2 or answer.topic == made.honest_topic(reader):
            return answer
        turned.append(answer.topic)
        values = iter([entry.value for entry in reversed(answer.entries)])
        return with_values(answer, lambda _: next(values))

    with made.broker.lying(answering=turn):
        while not any(topic.startswith(INTEL) for topic in turned):
            yield ()
    yield (Trace(Where.FINDING, ("out_of_order",), reader.code),)


@attack(15, By.BROKER)
async def refuses_one_topic(made: World) -> Phases:
    """The other streams of the node go on."""
    victim = made.victim()
    topic, refused = made.honest_topic(victim), list[str]()

    def refuse(node: str, appended: str, values: Sequence[bytes]) -> Sequence[bytes]:
        if node == victim.code and appended == topic:
            refused.append(topic)
            raise LogUnavailable("this topic takes nothing now")
        return values

    with made.broker.lying(appending=refuse):
        yield (Trace(Where.STATUS, ("stream_blocked",), victim.code),)
        while len(refused) < 2:
            yield ()


@attack(18, By.BROKER)
async def does_not_answer(made: World) -> Phases:
    """Some nodes, or all."""
    victims = made.dice.sample(list(made.nodes), made.dice.randint(1, len(made.nodes)))
    made.broker.away_for |= set(victims)
    yield tuple(Trace(Where.STATUS, ("bus_unavailable", "daemon_down"), code) for code in victims)
    for _ in range(made.dice.randint(0, 1)):
        yield ()
    made.broker.away_for -= set(victims)


@attack(22, By.BROKER)
async def deletes_a_record_that_all_have_read(made: World) -> Phases:
    """The nodes have it. An auditor who reads the log finds that it is missing."""
    victim = made.victim()
    topic = made.honest_topic(victim)
    while made.still_needed_by or not (len(made.broker.values(topic)) > 2 and await has_been_read(made, topic)):
        yield ()
    with made.broker.sql() as connection:
        connection.execute("DELETE FROM record WHERE topic = ? AND position = 1", (topic,))
    section = BusSection(url=f"sqlite:///{made.broker.path}")
    documents = victim.home.documents_folder
    sources = ReplaySources(
        bus=section, bus_folder=made.folder, documents=documents, community=made.community.community
    )
    found = await audit_replay(sources, selection_of(stream=topic, start=0, until=None))
    made.seen.add("auditor", Where.AUDIT, *(finding.code for finding in found.findings))
    yield (Trace(Where.AUDIT, ("chain_gap",)),)
