"""The client that creates, describes and alters topics."""

from collections.abc import Collection, Mapping

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, UnknownTopicOrPartitionError, for_code

from broker.kafka.client import REQUEST_SECONDS_MAX, Address, bounded, connect, disconnect
from broker.kafka.topic_settings import TopicState
from broker.log import LogUnavailable


class Admin:
    """Administers topics for an operator, for the time of one command."""

    def __init__(self, address: Address) -> None:
        self._client = AIOKafkaAdminClient(**address.options())

    async def start(self) -> None:
        """Connect; raises LogUnavailable."""
        await connect(self._client.start(), self.close)

    async def broker_count(self) -> int:
        """The number of brokers of the cluster."""
        async with bounded("describing the cluster"):
            return len((await self._client.describe_cluster())["brokers"])

    async def create(self, topics: Mapping[str, tuple[int, Mapping[str, str]]]) -> tuple[str, ...]:
        """Create topics of one partition, each with (replication, settings); return those that did not exist before."""
        wanted = [
            NewTopic(topic, num_partitions=1, replication_factor=replication, topic_configs=dict(settings))
            for topic, (replication, settings) in topics.items()
        ]
        async with bounded("creating topics", REQUEST_SECONDS_MAX * 6):
            answer = await self._client.create_topics(wanted)
        created = []
        for topic, code, *_ in answer.topic_errors:
            error = for_code(code)
            if code == 0:
                created.append(topic)
            elif error is not TopicAlreadyExistsError:
                raise LogUnavailable(f"kafka: creating {topic}: {error.__name__}")
        return tuple(created)

    async def describe(self, topics: Collection[str]) -> dict[str, TopicState]:
        """The state of each of `topics` that exists, as far as the brokers that answer know it.

        A broker learns of a topic some time after the controller has made it: until then it is missing here.
        """
        async with bounded("describing topics", REQUEST_SECONDS_MAX * 2):
            descriptions = [
                description
                for description in await self._client.describe_topics(None)
                if description["topic"] in set(topics)
            ]
            names = [description["topic"] for description in descriptions]
            answers = await self._client.describe_configs(
                [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
            )
        settings: dict[str, dict[str, str]] = {name: {} for name in names}
        for answer in answers:
            for code, message, _, name, entries in answer.resources:
                if for_code(code) is UnknownTopicOrPartitionError:
                    del settings[name]
                    continue
                if code:
                    raise LogUnavailable(f"kafka: describing {name}: {for_code(code).__name__}: {message}")
                settings[name] = {entry[0]: entry[1] for entry in entries}
        return {
            description["topic"]: TopicState(
                partitions=len(description["partitions"]),
                replication=min((len(partition["replicas"]) for partition in description["partitions"]), default=0),
                settings=settings[description["topic"]],
            )
            for description in descriptions
            if description["topic"] in settings
        }

    async def alter(self, topics: Mapping[str, Mapping[str, str]]) -> None:
        """Replace the settings of each topic by these. A setting that is not given returns to the cluster's default."""
        resources = [
            ConfigResource(ConfigResourceType.TOPIC, topic, configs=dict(settings))
            for topic, settings in topics.items()
        ]
        async with bounded("changing topics", REQUEST_SECONDS_MAX * 2):
            for answer in await self._client.alter_configs(resources):
                for code, message, _, name in answer.resources:
                    if code:
                        raise LogUnavailable(f"kafka: changing {name}: {for_code(code).__name__}: {message}")

    async def close(self) -> None:
        """Close the connections within `CLOSE_SECONDS_MAX`."""
        await disconnect(self._client.close())
