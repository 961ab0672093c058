"""All attacks, and the items of the issue that no attack of a campaign can express, each with the reason."""

from tests.campaign import broker_attacks, log_attacks, member_attacks, operator_attacks, thief_attacks, topic_attacks
from tests.campaign.attack import ATTACKS, Attack, By

__all__ = ["BY", "ITEMS", "NOT_IN_PROCESS"]

MODULES = (broker_attacks, log_attacks, member_attacks, operator_attacks, thief_attacks, topic_attacks)
"""Imported for their attacks."""

ITEMS = range(1, 27)

NOT_IN_PROCESS: dict[int, str] = {
    16: "the standard streams belong to a process: test_lost_streams and test_kill run real daemons",
    21: "reports expire at the end of a day, and a campaign lasts some hours: the tests of docs/faults.md, rows 10.21",
    24: "packaging: test_broker_local and test_compose check jars, digests and locks",
    25: "rights and TLS are those of a real Kafka: test_kafka_rights",
    26: "the compose file: test_compose",
}

BY: dict[By, tuple[Attack, ...]] = {by: tuple(attack for attack in ATTACKS.values() if attack.by is by) for by in By}
"""The attacks of each attacker."""
