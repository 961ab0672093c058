"""Writes rights as commands of Kafka's own tool, and as KafkaUser resources of the operator Strimzi. Pure."""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from broker.kafka.rights import Right, provisioner_rights, rights_of
from broker.topology import Topology

TOOL: Final = "kafka-acls.sh"
CLIENT_PROPERTIES: Final = "admin.properties"
"""The file with which the tool connects as a user that may change rights."""

STRIMZI_API: Final = "kafka.strimzi.io/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class RightsAnswer:
    """The rights of all users, as data, as commands and as resources."""

    rights: tuple[Right, ...]
    commands: tuple[str, ...]
    strimzi: str


def answer(topology: Topology, nodes: Iterable[str], *, bootstrap: str, cluster: str) -> RightsAnswer:
    """The rights of these nodes and of the user that makes the topics. `cluster` is Strimzi's name of the cluster."""
    rights = (*(right for node in nodes for right in rights_of(topology, node)), provisioner_rights(topology))
    return RightsAnswer(rights=rights, commands=commands(rights, bootstrap), strimzi=strimzi(rights, cluster))


def commands(rights: Iterable[Right], bootstrap: str) -> tuple[str, ...]:
    """One command for each right. Giving it again changes nothing."""
    return tuple(shlex.join(_words(right, bootstrap)) for right in rights)


def _words(right: Right, bootstrap: str) -> list[str]:
    words = [TOOL, "--bootstrap-server", bootstrap, "--command-config", CLIENT_PROPERTIES]
    words += ["--add", "--allow-principal", f"User:{right.user}", "--resource-pattern-type", right.pattern.value]
    for operation in right.operations:
        words += ["--operation", operation.value]
    for topic in right.topics:
        words += ["--topic", topic]
    return words


def strimzi(rights: Iterable[Right], cluster: str) -> str:
    """A KafkaUser for each user, as YAML. The name of the user, in lower case, is the CN of its certificate."""
    documents = []
    for user, group in groupby(rights, key=lambda right: right.user):
        lines = [
            f"apiVersion: {STRIMZI_API}",
            "kind: KafkaUser",
            "metadata:",
            f"  name: {user.lower()}",
            "  labels:",
            f"    strimzi.io/cluster: {cluster}",
            "spec:",
            "  authentication:",
            "    type: tls",
            "  authorization:",
            "    type: simple",
            "    acls:",
        ]
        for right in group:
            for topic in right.topics:
                lines += _acl(right, topic)
        documents.append("\n".join(lines) + "\n")
    return "---\n".join(documents)


def _acl(right: Right, topic: str) -> list[str]:
    return [
        "      - resource:",
        "          type: topic",
        f'          name: "{topic}"',
        "          patternType: " + {"literal": "literal", "prefixed": "prefix"}[right.pattern.value],
        f"        operations: [{', '.join(right.operations)}]",
    ]
