"""Which connections are admitted: a number in total, and a part of it for one address. No input or output.

An IPv6 address counts with its /64, because one machine has as many addresses of it as it likes.
"""

import ipaddress
from collections import Counter
from typing import Final

IPV6_NETWORK_BITS: Final = 64


class Admission:
    """Counts the connections of one gateway."""

    def __init__(self, *, total_max: int, per_address_max: int) -> None:
        self.total_max = total_max
        self.per_address_max = per_address_max
        self._groups: Counter[str] = Counter()
        self.open = 0

    def admit(self, address: str) -> bool:
        """Count a connection from `address`; False if it is above a limit, and then it is not counted."""
        group = group_of(address)
        if self.open >= self.total_max or self._groups[group] >= self.per_address_max:
            return False
        self.open += 1
        self._groups[group] += 1
        return True

    def release(self, address: str) -> None:
        """A connection that was admitted has ended."""
        group = group_of(address)
        self.open -= 1
        self._groups[group] -= 1
        if not self._groups[group]:
            del self._groups[group]


def group_of(address: str) -> str:
    """The addresses that count together with this one."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address  # a user of this machine
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, IPV6_NETWORK_BITS), strict=False))
