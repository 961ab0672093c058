"""Attacks of the operator of the broker, who deletes a topic and creates it again while the nodes run."""

from tests.campaign.attack import By, Phases, attack
from tests.campaign.broker_attacks import has_been_read
from tests.campaign.running import RunningNode
from tests.campaign.setting import HONEST_SUBJECTS
from tests.campaign.sightings import Trace, Where
from tests.campaign.world import World

NOTED = Trace(Where.FINDING, ("log_replaced", "head_truncated"))


@attack(6, By.BROKER)
async def makes_a_topic_anew(made: World) -> Phases:
    """Each node looks at the topic while it is empty."""
    victim = made.victim()
    topic = made.honest_topic(victim)
    while not await may_be_deleted(made, victim, topic):
        yield ()
    make_anew(made, topic)
    await made.turn()
    yield (NOTED,)


@attack(6, By.BROKER)
async def makes_a_topic_anew_that_grows_unseen(made: World) -> Phases:
    """The topic has as many records as before, or one more, when the readers look at it again."""
    victim = made.victim()
    topic = made.honest_topic(victim)
    while not await may_be_deleted(made, victim, topic):
        yield ()
    before = make_anew(made, topic)
    await refill(made, victim, topic, before + made.dice.randint(0, 1))
    yield (NOTED,)


async def may_be_deleted(made: World, victim: RunningNode, topic: str) -> bool:
    """Whether every node has read the topic, and needs its records no more."""
    if made.still_needed_by or not made.broker.values(topic):
        return False
    return await made.drained([victim]) and await has_been_read(made, topic)


def make_anew(made: World, topic: str) -> int:
    """Delete the records of a topic, whose positions begin at 0 again; returns where it ended."""
    with made.broker.sql() as connection:
        end = made.broker.end(connection, topic)
        connection.execute("DELETE FROM record WHERE topic = ?", (topic,))
        connection.execute("UPDATE topic SET beginning = 0, created = created + 1 WHERE name = ?", (topic,))
    return end


async def refill(made: World, victim: RunningNode, topic: str, wanted: int) -> None:
    """Only the node that writes the topic takes its turns, until the topic has as many records."""
    for _ in range(2 * wanted):
        if len(made.broker.values(topic)) >= wanted or victim.node is None:
            return
        text = f"Report {len(made.accepted)} of {victim.code}."
        accepted = await victim.accept(text, made.dice.choice(HONEST_SUBJECTS))
        made.accepted += [accepted] if accepted is not None else []
        await victim.turn()
