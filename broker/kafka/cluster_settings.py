"""The settings of every Kafka broker that we start, for `broker/local` and docker-compose.yml.

A test compares docker-compose.yml with them. They do not contain addresses, ports and folders, which differ between the
two, nor the settings of topics, which `provision` sets.

    auto.create.topics.enable=false             a mistyped topic is an error, not a new topic
    default.replication.factor, min.insync...   an acknowledged record survives the loss of any one broker of three
    unclean.leader.election.enable=false        a broker that lacks acknowledged records never becomes a leader
    offsets..., transaction..., share...        Kafka's own topics fit the number of brokers; nodes do not use them
    log.cleaner.dedupe.buffer.size              the default of 128 MB does not fit a small heap; nothing is compacted
    broker.session.timeout.ms, ...heartbeat...  a broker is back three seconds after kill -9 instead of twelve
"""

from typing import Final

KAFKA_VERSION: Final = "4.3.1"
REPLICATION_MAX: Final = 3
SESSION_TIMEOUT_MS: Final = (
    1500  # five heartbeats; the controller refuses a restarted broker until its old session ends
)
HEARTBEAT_MS: Final = 300
DEDUPE_BUFFER_BYTES: Final = 2 * 1024 * 1024


def settings(brokers: int) -> dict[str, str]:
    """The settings of each broker of a cluster of `brokers`; ValueError for fewer than one."""
    if brokers < 1:
        raise ValueError("a cluster has at least one broker")
    replication = str(min(REPLICATION_MAX, brokers))
    in_sync = "2" if brokers >= REPLICATION_MAX else "1"
    return {
        "auto.create.topics.enable": "false",
        "default.replication.factor": replication,
        "min.insync.replicas": in_sync,
        "unclean.leader.election.enable": "false",
        "offsets.topic.replication.factor": replication,
        "transaction.state.log.replication.factor": replication,
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.replication.factor": replication,
        "share.coordinator.state.topic.min.isr": in_sync,
        "group.initial.rebalance.delay.ms": "0",
        "log.cleaner.dedupe.buffer.size": str(DEDUPE_BUFFER_BYTES),
        "broker.session.timeout.ms": str(SESSION_TIMEOUT_MS),
        "broker.heartbeat.interval.ms": str(HEARTBEAT_MS),
    }
