"""Attacks of those who can write to the log and have no key."""

from broker.streams import KEYS
from tests.campaign.attack import By, Phases, attack
from tests.campaign.forging import INTEL, unsigned
from tests.campaign.sightings import Trace, Where
from tests.campaign.world import ROWS, World

DEFERRED = Trace(Where.FINDING, ("records_deferred",))


@attack(1, By.BROKER)
async def records_of_an_unknown_governance_state(made: World) -> Phases:
    """They cannot be decided, and nobody needs a key to write them."""
    victim = made.victim()
    for stream in (INTEL, KEYS):
        forged = [
            unsigned(made.community.community, victim.code, stream, number, now=made.now) for number in range(ROWS + 9)
        ]
        made.broker.write(made.honest_topic(victim, stream), forged)
    yield (DEFERRED, Trace(Where.PENDING, ("governance",)))


@attack(3, By.BROKER)
async def garbage_in_the_topics_of_an_honest_node(made: World) -> Phases:
    """More than a node keeps, in each of its topics, before its next reports."""
    victim = made.victim()
    for stream in (INTEL, KEYS, "receipts"):
        garbage = [b"garbage %d" % number for number in range(ROWS + made.dice.randint(1, 30))]
        made.broker.write(made.honest_topic(victim, stream), [*garbage, None, b""])
    yield (DEFERRED, Trace(Where.QUARANTINE, ("framing_invalid",)))


@attack(4, By.BROKER)
async def true_records_again(made: World) -> Phases:
    """The same bytes at other positions, in any order."""
    victim = made.victim()
    topics = [made.honest_topic(victim, stream) for stream in (INTEL, KEYS)]
    while not any(made.broker.values(topic) for topic in topics):
        yield ()
    for topic in topics:
        values = made.broker.values(topic)
        made.broker.write(topic, made.dice.sample(values, len(values)))
    yield (Trace(Where.COUNT, ("duplicate",)),)


@attack(4, By.BROKER)
async def records_in_the_topic_of_another_node(made: World) -> Phases:
    """A true record moved to another topic is refused there, and counts where it belongs."""
    victim = made.victim()
    other = made.dice.choice(made.others(victim))
    while not (values := made.broker.values(made.honest_topic(victim))):
        yield ()
    made.broker.write(made.honest_topic(other), values)
    yield (Trace(Where.QUARANTINE, ("stream_mismatch",)),)


@attack(19, By.BROKER)
async def records_that_differ_from_true_ones_in_one_bit(made: World) -> Phases:
    """They accuse nobody: anybody can write them."""
    victim = made.victim()
    topic = made.honest_topic(victim)
    while not (values := made.broker.values(topic)):
        yield ()
    damaged = []
    for value in values[-5:]:
        at = made.dice.randrange(len(value))
        damaged.append(value[:at] + bytes([value[at] ^ (1 << made.dice.randrange(8))]) + value[at + 1 :])
    made.broker.write(topic, damaged)
    codes = (
        "framing_invalid", "batch_malformed", "signature_invalid", "path_invalid", "content_mismatch", "key_unknown",
        "community_mismatch", "stream_mismatch", "suite_unknown", "header_malformed", "governance",
    )  # fmt: skip
    yield (Trace(Where.QUARANTINE, codes),)


@attack(5, By.BROKER)
async def values_that_cannot_be_records(made: World) -> Phases:
    """A very large one, texts, numbers and nothing, between the records of an honest node."""
    victim = made.victim()
    topic = made.honest_topic(victim)
    values: list[object] = [bytes(1_040_000), "a text", 7, 1.5, None]
    made.dice.shuffle(values)
    for value in values:
        with made.broker.sql() as connection:
            position = made.broker.end(connection, topic)
            columns = (topic, position, value, made.now)
            connection.execute("INSERT INTO record (topic, position, value, appended_at) VALUES (?, ?, ?, ?)", columns)
    yield (Trace(Where.QUARANTINE, ("record_too_large",)), Trace(Where.QUARANTINE, ("framing_invalid",)))


@attack(5, By.BROKER)
async def positions_that_cannot_be_positions(made: World) -> Phases:
    """Texts, fractions, negative and very large numbers; the owner of the file removes them later."""
    victim = made.victim()
    topic = made.honest_topic(victim)
    positions: list[object] = ["a text", 0.5, -7, 2**63 - 1, 2**62]
    with made.broker.sql() as connection:
        connection.executemany(
            "INSERT INTO record (topic, position, value, appended_at) VALUES (?, ?, ?, ?)",
            [(topic, position, b"a record", made.now) for position in positions],
        )
    yield (Trace(Where.FINDING, ("transport_malformed",)),)
    yield ()
    with made.broker.sql() as connection:
        for position in positions:
            connection.execute("DELETE FROM record WHERE topic = ? AND position = ?", (topic, position))
