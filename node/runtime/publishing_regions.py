"""The regions in which a node may publish: those of its topology that its NODE document lists. Pure.

Intake checks what sealing will check: a record in a stream that the NODE document does not list would be refused by
every reader.
"""

from dataclasses import replace

from broker.streams import intel_stream
from broker.topology import Topology
from node.errors import UsageError
from node.trust.governance import Governance


def publishing_topology(topology: Topology, node: str, governance: Governance, now: int) -> Topology:
    """The topology at `now` (ms), in which no region lists `node` that its NODE document does not list.

    A node without a NODE document has not joined yet: all regions stay, and its reports wait.
    """
    if governance.node_at(node, now) is None:
        return topology
    refused = {region.id for region in topology.regions if not governance.may_write(node, intel_stream(region.id), now)}
    regions = []
    for region in topology.regions:
        members = tuple(code for code in region.members if code != node or region.id not in refused)
        if members:
            regions.append(replace(region, members=members))
    if not regions:
        message = f"the NODE document of {node} lists no region of the topology"
        raise UsageError("topology_invalid", message, hint="correct topology.toml, or install the newest NODE document")
    return replace(topology, regions=tuple(regions))
