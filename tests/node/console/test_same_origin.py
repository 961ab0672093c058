"""Which requests can come from a page of the console."""

import pytest

from node.console.same_origin import is_same_origin


@pytest.mark.parametrize(
    ("headers", "own"),
    [
        ({"sec-fetch-site": "same-origin", "origin": "null"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "cross-site", "origin": "https://node"}, False),
        ({"sec-fetch-site": "same-site"}, False),
        ({"origin": "https://node:8443"}, True),
        ({"origin": "https://node"}, False),
        ({"origin": "https://evil"}, False),
        ({"origin": "null"}, False),
        ({"origin": "https://[bad"}, False),
        ({}, True),
    ],
)
def test_browsers_say_where_a_request_comes_from(headers: dict[str, str], own: bool) -> None:
    """`Sec-Fetch-Site` decides; without it the host of `Origin` must be that of the request."""
    assert is_same_origin({"host": "node:8443", **headers}) is own


def test_an_empty_origin_is_not_that_of_a_request_without_a_host() -> None:
    """Nothing equals nothing, and is still not an origin."""
    assert not is_same_origin({"origin": "null"})
