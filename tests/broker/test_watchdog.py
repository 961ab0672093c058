"""A log client that receives nothing is replaced, and the process ends if that does not help."""

import re
from collections.abc import Collection, Mapping, Sequence

import pytest

from broker.kafka.watchdog import Thresholds, WatchedLog
from broker.log import Bounds, Drift, Entry, Fault, Fetched, Log, LogStuck, LogUnavailable, Provisioned, TopicSpec

TOPIC, OTHER = "intel.caribbean.bz", "intel.caribbean.gt"
MINUTE = 60.0


class Clock:
    """Advances when a client waits."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Client:
    """A log whose topics have ends, and whose `fetch` returns `answers` one by one, and then `always`."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.ends = {TOPIC: 10, OTHER: 0}
        self.answers: list[list[Fetched]] = []
        self.always: list[Fetched] = []
        self.away = False
        self.closed = False

    async def fetch(self, positions: Mapping[str, int], *, records_max: int, wait_seconds: float) -> list[Fetched]:
        assert records_max
        assert positions
        self.clock.now += wait_seconds
        return self.answers.pop(0) if self.answers else self.always

    async def bounds(self, topics: Collection[str]) -> dict[str, Bounds]:
        if self.away:
            raise LogUnavailable("away")
        return {topic: Bounds(beginning=0, end=self.ends[topic]) for topic in topics}

    async def append(self, topic: str, values: Sequence[bytes]) -> int:
        return len(topic) + len(values)

    async def topics(self) -> frozenset[str]:
        return frozenset(self.ends)

    async def provision(self, specs: Sequence[TopicSpec]) -> Provisioned:
        return Provisioned(created=tuple(spec.topic for spec in specs), changed=())

    async def check(self, specs: Sequence[TopicSpec]) -> tuple[Drift, ...]:
        return tuple(Drift(topic=spec.topic, setting="x", expected="1", found="2") for spec in specs)

    async def close(self) -> None:
        self.closed = True


class Scene:
    """A watched log, and all clients that were created for it."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.clients: list[Client] = []
        self.always: list[Fetched] = []
        """What every new client returns."""

        self.log: Log = WatchedLog(self._make, thresholds=Thresholds(), monotonic=self.clock)

    def _make(self) -> Client:
        self.clients.append(Client(self.clock))
        self.clients[-1].always = self.always
        return self.clients[-1]

    async def wait(self, seconds: float, **positions: int) -> list[Fetched]:
        """Fetch for this time, half a second in each call; returns the last answer."""
        until, answers = self.clock.now + seconds, list[Fetched]()
        while self.clock.now < until:
            answers = await self.log.fetch({TOPIC: 0, OTHER: 0} | positions, records_max=10, wait_seconds=0.5)
        return answers


async def test_a_client_that_lags_for_ninety_seconds_without_progress_is_replaced() -> None:
    """Not earlier, and the old client is closed."""
    scene = Scene()

    await scene.wait(95)
    before = len(scene.clients)
    await scene.wait(15)

    assert (before, len(scene.clients)) == (1, 2)
    assert scene.clients[0].closed


async def test_a_log_without_new_records_replaces_no_client() -> None:
    """There is no lag if the position is the end."""
    scene = Scene()

    await scene.wait(30 * MINUTE, **{TOPIC: 10})

    assert len(scene.clients) == 1


async def test_a_topic_that_delivers_records_replaces_no_client() -> None:
    """The length of the backlog does not matter."""
    scene = Scene()
    entry = Entry(topic=TOPIC, position=0, value=b"x")
    scene.clients[0].always = [Fetched(topic=TOPIC, entries=(entry,))]

    await scene.wait(30 * MINUTE)

    assert len(scene.clients) == 1


@pytest.mark.parametrize("fault", list(Fault))
async def test_a_topic_with_a_known_fault_replaces_no_client(fault: Fault) -> None:
    """A corrupt partition must not stop the whole node."""
    scene = Scene()
    scene.clients[0].always = [Fetched(topic=TOPIC, entries=(), fault=fault)]

    await scene.wait(30 * MINUTE)

    assert len(scene.clients) == 1


async def test_time_outside_of_fetch_does_not_count() -> None:
    """A store that is locked for an hour does not affect the log."""
    scene = Scene()
    await scene.wait(60)
    scene.clock.now += 60 * MINUTE
    await scene.wait(20)

    assert len(scene.clients) == 1


async def test_the_third_replacement_within_fifteen_minutes_raises_log_stuck() -> None:
    """The error names the topic."""
    scene = Scene()

    with pytest.raises(LogStuck, match=re.escape(TOPIC)):
        await scene.wait(10 * MINUTE)

    assert len(scene.clients) == 3


async def test_a_topic_whose_records_no_new_client_receives_is_corrupt_if_others_arrive() -> None:
    """The log claims what it does not deliver. The process goes on, and so do the other topics."""
    scene = Scene()
    other = [Fetched(topic=OTHER, entries=(Entry(topic=OTHER, position=0, value=b"x"),))]
    scene.always = scene.clients[0].always = other
    answers = await scene.wait(10 * MINUTE)

    assert [(answer.topic, answer.fault) for answer in answers] == [(OTHER, None), (TOPIC, Fault.CORRUPT)]
    scene.clients[-1].always = [Fetched(topic=TOPIC, entries=(Entry(topic=TOPIC, position=0, value=b"x"),))]
    assert [answer.fault for answer in await scene.wait(10)] == [None]
    scene.clients[-1].always = other
    assert [answer.fault for answer in await scene.wait(10)] == [None]


async def test_replacements_that_are_far_apart_never_raise_log_stuck() -> None:
    """Only those of the last fifteen minutes count."""
    scene = Scene()
    for _ in range(6):
        made = len(scene.clients)
        while len(scene.clients) == made:
            await scene.wait(10)
        await scene.wait(14 * MINUTE, **{TOPIC: 10})

    assert len(scene.clients) == 7


async def test_an_unavailable_log_raises_and_replaces_no_client() -> None:
    """The caller backs off. The client is not at fault."""
    scene = Scene()
    scene.clients[0].away = True

    for _ in range(100):
        with pytest.raises(LogUnavailable):
            await scene.wait(11)

    assert len(scene.clients) == 1


async def test_all_other_operations_are_passed_to_the_client() -> None:
    """The watchdog changes nothing there."""
    scene = Scene()
    spec = TopicSpec(topic=TOPIC, replication=1, retention_days=1)

    assert await scene.log.append("four", [b"1"]) == 5
    assert await scene.log.bounds([TOPIC]) == {TOPIC: Bounds(beginning=0, end=10)}
    assert await scene.log.topics() == {TOPIC, OTHER}
    assert (await scene.log.provision([spec])).created == (TOPIC,)
    assert [drift.found for drift in await scene.log.check([spec])] == ["2"]
    await scene.log.close()
    assert scene.clients[0].closed
