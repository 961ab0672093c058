"""Which topics a node reads: those of its topology, and those of the streams that NODE documents list. Pure.

The topology is an unsigned file of each node. What a NODE document lists is signed, so two nodes whose
topologies differ still read each other.
"""

from collections.abc import Iterator

from broker import topology as topologies
from broker.streams import GOVERNANCE, STREAM_LENGTH_MAX, is_member_stream, stream_of, topic_of
from broker.topology import Topology
from node.stages import StreamId
from node.trust.document_versions import NodeVersion
from node.trust.governance import Governance


def topics_of_topology(topology: Topology) -> dict[str, StreamId]:
    """Topic -> stream, of each topic that the topology names."""
    places = {}
    for topic in topologies.topics_of(topology):
        stream, originator = stream_of(topic)
        if stream != GOVERNANCE:
            places[topic] = StreamId(stream=stream, originator=originator)
    return places


def topics_of_documents(governance: Governance) -> dict[str, StreamId]:
    """Topic -> stream, of each stream that a version of a NODE document lists; old records are still in the log."""
    return {topic_of(place.stream, place.originator): place for place in _listed(governance, None)}


def topics_expected(governance: Governance, t: int) -> dict[str, StreamId]:
    """Topic -> stream, of each stream that a NODE document valid at `t` (ms) lists: the log should have them."""
    return {topic_of(place.stream, place.originator): place for place in _listed(governance, t)}


def _is_valid(governance: Governance, version: NodeVersion, t: int) -> bool:
    """Whether it is the version that counts at `t`."""
    return version.valid_at(t) and governance.node_at(version.document.id, t) is version


def _listed(governance: Governance, t: int | None) -> Iterator[StreamId]:
    for code, known in governance.nodes.items():
        for version in (version for version in known if t is None or _is_valid(governance, version, t)):
            for stream in version.body.streams:
                if is_member_stream(stream) and len(stream) <= STREAM_LENGTH_MAX:
                    yield StreamId(stream=stream, originator=code)
