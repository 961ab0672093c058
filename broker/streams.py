"""The names of streams and topics: the only module that writes one of them as a text.

Pure. An originator writes each of its streams into one topic of one partition, `<stream>.<originator in lower case>`.
Which originator has which streams is decided by the topology and by NODE documents, not here.
"""

import re
from typing import Final

INTEL: Final = "intel"
"""The first part of the name of a region's stream: `intel.caribbean`."""

KEYS: Final = "keys"
RECEIPTS: Final = "receipts"
CHECKPOINTS: Final = "checkpoints"
PROPOSALS: Final = "proposals"
GOVERNANCE: Final = "governance"
MEMBER_STREAMS: Final = (KEYS, RECEIPTS, CHECKPOINTS, PROPOSALS)
"""Each member writes them beside its reports."""

REGISTRY: Final = "REGISTRY"
"""The originator that is not a member."""

REGISTRY_STREAMS: Final = (GOVERNANCE, CHECKPOINTS)
STREAM_LENGTH_MAX: Final = 64

_INTEL_STREAM: Final = re.compile(rf"{INTEL}\.[a-z][a-z0-9-]*\Z")
_STREAM: Final = re.compile(r"[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)?")
_ORIGINATOR: Final = re.compile(r"[a-z][a-z0-9]{1,15}")


def intel_stream(region: str) -> str:
    """The stream of a region's reports: `caribbean` gives `intel.caribbean`."""
    return f"{INTEL}.{region}"


def is_intel(stream: str) -> bool:
    """Whether the stream carries the reports of a region."""
    return _INTEL_STREAM.match(stream) is not None


def topic_of(stream: str, originator: str) -> str:
    """The topic of an originator's stream: `intel.caribbean` and `BZ` give `intel.caribbean.bz`."""
    return f"{stream}.{originator.lower()}"


def stream_of(topic: str) -> tuple[str, str]:
    """Stream and originator of a topic, the opposite of `topic_of`; ValueError if the name is not a stream's topic."""
    stream, _, originator = topic.rpartition(".")
    if not _STREAM.fullmatch(stream) or len(stream) > STREAM_LENGTH_MAX or not _ORIGINATOR.fullmatch(originator):
        raise ValueError(f"{topic!r} is not the topic of a stream")
    return stream, originator.upper()
