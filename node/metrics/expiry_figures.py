"""How long documents, keys and certificates are still valid: the soonest end of each kind. Pure but for certificates.

Only what ends without a successor counts (node/trust/expiry.py). A label names the kind and never a key or a document,
so that the number of series does not grow.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from node.errors import UsageError
from node.files import TEXT_SIZE_BYTES_MAX, read_file
from node.runtime.home import Home
from node.sealing.certificates import ends_of
from node.trust.expiry import Ending, endings
from node.trust.governance import Governance


def soonest_ends(home: Home, governance: Governance | None, now: int) -> Mapping[str, float]:
    """Kind -> seconds until the first of them ends; below zero after the end."""
    ends = [(_kind(ending, home.node), ending.ends_at) for ending in _endings(governance, home.node, now)]
    ends += [("certificate", end) for file in _certificates(home) for end in _ends_of(file)]
    found: dict[str, float] = {}
    for kind, end in ends:
        left = (end - now) / 1000
        found[kind] = min(left, found.get(kind, left))
    return found


def _endings(governance: Governance | None, node: str, now: int) -> Iterable[Ending]:
    return () if governance is None else endings(governance, node, now)


def _kind(ending: Ending, node: str) -> str:
    """Such as `root`, `node`, `other_node`, `agreement` or `key_seal`."""
    first, _, rest = ending.subject.partition(" ")
    if first == "NODE":
        return "node" if rest == node else "other_node"
    if first == "key":
        return f"key_{rest.split(' ', maxsplit=1)[0].lower()}"
    return first.lower()


def _certificates(home: Home) -> list[Path]:
    files = (home.config.bus.certificate_file, home.config.bus.ca_file, home.config.gateway.certificate_file)
    return [home.path / file for file in files if file is not None]


def _ends_of(file: Path) -> Iterable[int]:
    try:
        return ends_of(read_file(file, TEXT_SIZE_BYTES_MAX))
    except (UsageError, ValueError):
        return ()  # what uses the file reports it
