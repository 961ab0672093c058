"""The names of streams and topics. A house rule forbids other modules to write one of them as a literal. Pure.

An originator writes each of its streams into one topic of one partition, `<stream>.<originator in lower case>`. The
topology and NODE documents decide which originator has which streams; this module does not.
"""

import re
from typing import Final

INTEL: Final = "intel"
"""The first part of the name of a region's stream, as in `intel.caribbean`."""

KEYS: Final = "keys"
RECEIPTS: Final = "receipts"
CHECKPOINTS: Final = "checkpoints"
PROPOSALS: Final = "proposals"
GOVERNANCE: Final = "governance"
MEMBER_STREAMS: Final = (KEYS, RECEIPTS, CHECKPOINTS, PROPOSALS)
"""The streams that each member writes in addition to its reports."""

REGISTRY: Final = "REGISTRY"
"""The only originator that is not a member."""

REGISTRY_STREAMS: Final = (GOVERNANCE, CHECKPOINTS)
STREAM_LENGTH_MAX: Final = 64

_INTEL_STREAM: Final = re.compile(rf"{INTEL}\.[a-z][a-z0-9-]*\Z")
_STREAM: Final = re.compile(r"[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)?")
_ORIGINATOR: Final = re.compile(r"[a-z][a-z0-9]{1,15}")


def intel_stream(region: str) -> str:
    """The stream of a region's reports: `caribbean` gives `intel.caribbean`."""
    return f"{INTEL}.{region}"


def region_of(stream: str) -> str:
    """The region of an `intel` stream: `intel.caribbean` gives `caribbean`."""
    return stream.removeprefix(f"{INTEL}.")


def is_intel(stream: str) -> bool:
    """Whether the stream contains the reports of a region."""
    return _INTEL_STREAM.match(stream) is not None


def is_member_stream(stream: str) -> bool:
    """Whether it is a stream that a member can have, and not one of the registry."""
    return is_intel(stream) or stream in MEMBER_STREAMS


def topic_of(stream: str, originator: str) -> str:
    """The topic of an originator's stream: `intel.caribbean` and `BZ` give `intel.caribbean.bz`."""
    return f"{stream}.{originator.lower()}"


def stream_of(topic: str) -> tuple[str, str]:
    """Stream and originator of a topic, the inverse of `topic_of`; ValueError if the name is not a stream's topic."""
    stream, _, originator = topic.rpartition(".")
    if not _STREAM.fullmatch(stream) or len(stream) > STREAM_LENGTH_MAX or not _ORIGINATOR.fullmatch(originator):
        raise ValueError(f"{topic!r} is not the topic of a stream")
    return stream, originator.upper()
