"""Warnings: a valid value that is more often a mistake than true."""

from typing import Any

import pytest

from broker.topology import default
from node.reports.plausibility import warnings_of
from node.reports.validate import validate
from tests.support import samples
from tests.support.samples import NOW_MS

DAY_MS = 86_400_000


def _codes(originator: str = "BZ", **changes: Any) -> list[tuple[str, str]]:
    obj = samples.report(**changes)
    draft = validate(obj, originator="BZ", topology=default(), now_ms=NOW_MS, resolve_references={})
    return [(found.path, found.code) for found in warnings_of(draft.report, originator=originator, now_ms=NOW_MS)]


def _position(latitude: float, longitude: float) -> dict[str, int]:
    return {"latitude_microdegrees": round(latitude * 1e6), "longitude_microdegrees": round(longitude * 1e6)}


def test_the_sample_has_no_warning() -> None:
    assert _codes() == []


@pytest.mark.parametrize(
    ("occurred", "expected"),
    [
        ({"from": "1899-12-31T23:59:59Z"}, [("occurred.from", "event_long_ago")]),
        ({"from": "1900-01-01T00:00:00Z"}, []),
        ({"from": "9999-01-01T00:00:00Z"}, [("occurred.from", "event_in_future")]),
        ({"from": "2000-01-01T00:00:00Z", "until": "9999-01-01T00:00:00Z"}, [("occurred.until", "event_in_future")]),
    ],
)
def test_an_event_far_from_now_is_a_warning(occurred: dict[str, str], expected: list[tuple[str, str]]) -> None:
    """It is accepted: reports about old events exist."""
    assert _codes(occurred=occurred, entities=[], connections=[]) == expected


@pytest.mark.parametrize(
    ("originator", "latitude", "longitude", "expected"),
    [
        ("BZ", 0, 0, "position_zero"),
        ("BZ", 17.2, -88.7, None),
        ("BZ", -74.1, 4.5, "position_swapped"),
        ("CO", -74.1, 4.5, "position_swapped"),
        ("BR", -47.9, -15.8, "position_swapped"),
        ("BR", -15.8, -47.9, None),
        ("ES", -3.7, 40.4, "position_swapped"),
        ("ES", 40.4, -3.7, None),
        ("NL", 5.0, 52.3, "position_swapped"),
        ("NL", 10.0, -30.0, None),
        ("XX", 40.4, -3.7, None),
    ],
)
def test_the_position_0_0_and_swapped_coordinates_are_a_warning(
    originator: str, latitude: float, longitude: float, expected: str | None
) -> None:
    """Swapped coordinates lie near the originator, or in a part of the world where people live."""
    path = "place.latitude_microdegrees"

    assert _codes(originator, place=_position(latitude, longitude)) == ([(path, expected)] if expected else [])


def test_a_birth_before_1900_or_after_the_event_is_a_warning() -> None:
    def born(text: str) -> list[tuple[str, str]]:
        person = samples.report()["entities"][0]
        person = {**person, "person": {**person["person"], "birth_date": text}}
        return _codes(entities=[person], connections=[], occurred={"from": "2001-05-05T00:00:00Z"})

    path = "entities[0].person.birth_date"
    assert born("1777-01-01") == [(path, "birth_long_ago")]
    assert born("2001-06") == [(path, "birth_after_event")]
    assert born("2001") == born("2001-05-05") == []
