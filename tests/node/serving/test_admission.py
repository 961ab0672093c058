"""How many connections: in total, for one address, and as open files and memory allow."""

import pytest

from node.errors import UsageError
from node.serving.admission import Admission, group_of
from node.serving.capacity import connections_allowed
from node.serving.limits import DESCRIPTORS_KEPT


def test_one_address_has_a_part_of_all_connections() -> None:
    """A place that is free again is given again."""
    admission = Admission(total_max=4, per_address_max=2)

    assert [admission.admit("192.0.2.1") for _ in range(3)] == [True, True, False]
    assert [admission.admit("192.0.2.2") for _ in range(3)] == [True, True, False]
    assert admission.admit("192.0.2.3") is False
    admission.release("192.0.2.1")
    assert admission.admit("192.0.2.3") is True
    assert admission.open == 4


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::2", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("uid 1000", "uid 1001", False),
    ],
)
def test_addresses_of_one_machine_count_together(one: str, other: str, together: bool) -> None:
    assert (group_of(one) == group_of(other)) is together


def test_connections_leave_descriptors_and_memory_to_the_node() -> None:
    kept = DESCRIPTORS_KEPT

    assert connections_allowed(4096, descriptors=100_000, memory_mb=None) == 4096
    assert connections_allowed(4096, descriptors=1024, memory_mb=None) == 1024 - kept
    assert connections_allowed(4096, descriptors=100_000, memory_mb=1024) < 1200
    with pytest.raises(UsageError) as refused:
        connections_allowed(4096, descriptors=kept + 1, memory_mb=None)
    assert (refused.value.code, refused.value.path) == ("gateway_unavailable", "gateway.connections_max")
