"""How many connections this process may have: what is configured, less what descriptors and memory do not allow."""

import resource
from typing import Final

from node.errors import UsageError
from node.serving.limits import CONNECTIONS_MIN, DESCRIPTORS_KEPT, MEMORY_SHARE, TLS_SIZE_BYTES

MEBIBYTE: Final = 1024 * 1024
PATH: Final = "gateway.connections_max"


def raise_descriptor_limit(connections: int) -> int:
    """Raise the soft limit of descriptors as far as `connections` need it and the hard limit allows; returns it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + DESCRIPTORS_KEPT
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == resource.RLIM_INFINITY else soft


def connections_allowed(configured: int, *, descriptors: int, memory_mb: int | None) -> int:
    """The number of connections. `memory_mb` is None without TLS, where a connection takes little.

    Raises UsageError `gateway_unavailable` if there would be hardly any.
    """
    allowed = min(configured, descriptors - DESCRIPTORS_KEPT)
    if memory_mb is not None:
        allowed = min(allowed, memory_mb * MEBIBYTE // MEMORY_SHARE // TLS_SIZE_BYTES)
    if allowed < min(configured, CONNECTIONS_MIN):
        raise UsageError(
            "gateway_unavailable",
            f"this process may have {descriptors} open files, and the node needs {DESCRIPTORS_KEPT} of them",
            path=PATH,
            hint="raise the limit of open files (ulimit -n, or LimitNOFILE of systemd)",
        )
    return allowed
