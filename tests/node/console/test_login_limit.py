"""How often an address may try to log in."""

from node.console.login_limit import ADDRESSES_MAX, FAILURES_MAX, WINDOW_MS, LoginLimit

NOW = 1_000_000


def test_an_address_waits_after_its_failures_and_others_do_not() -> None:
    """The wait ends when the oldest failure leaves the window."""
    limit = LoginLimit()
    for number in range(FAILURES_MAX):
        assert limit.wait_seconds("10.0.0.1", NOW) == 0
        limit.failed("10.0.0.1", NOW + number)
    assert limit.wait_seconds("10.0.0.1", NOW + 10) == WINDOW_MS // 1000
    assert limit.wait_seconds("10.0.0.2", NOW + 10) == 0
    assert limit.wait_seconds("10.0.0.1", NOW + WINDOW_MS - 1) == 1
    assert limit.wait_seconds("10.0.0.1", NOW + WINDOW_MS) == 0


def test_the_number_of_addresses_is_limited() -> None:
    """The address that failed longest ago is forgotten."""
    limit = LoginLimit()
    for _ in range(FAILURES_MAX):
        limit.failed("first", NOW)
    for number in range(ADDRESSES_MAX):
        limit.failed(str(number), NOW)
    assert limit.wait_seconds("first", NOW) == 0
