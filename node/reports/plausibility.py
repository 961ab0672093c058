"""Warns of values of a valid report that are more often a mistake than true. Pure.

A warning refuses nothing: the report is accepted as it is, and the answer names the field.

Rules:
- An event that begins more than a day after the intake, or before 1900.
- A birth before 1900, or after the event.
- The position 0,0, which many systems write for "unknown".
- A position outside the part of the world where the originator works whose swapped coordinates are inside it.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from node.limits import DAY_MS
from schemas.formats import time_text
from schemas.types import IntelligenceReport, Place

_BOXES: Final = Path(__file__).parent / "data/bounding_boxes.json"
_YEAR_1900_MS: Final = -25_567 * DAY_MS
_AHEAD_MS: Final = DAY_MS
_END_AHEAD_MS: Final = 366 * DAY_MS  # a report about a whole year ends in the future
_SOUTH: Final = -60.0  # beyond these latitudes nothing is trafficked, and most longitudes of the Americas are
_NORTH: Final = 75.0
_MARGIN: Final = 5.0  # degrees around a country: its waters


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldWarning:
    """A field whose value is valid and looks wrong."""

    path: str
    code: str
    """Stable, in snake_case."""

    message: str


def warnings_of(report: IntelligenceReport, *, originator: str, now_ms: int) -> tuple[FieldWarning, ...]:
    """The warnings about a report that is handed in at `now_ms`."""
    found = [*_of_time(report, now_ms), *_of_births(report)]
    if report.place is not None:
        found += _of_position(report.place, originator)
    return tuple(found)


def _of_time(report: IntelligenceReport, now_ms: int) -> list[FieldWarning]:
    start, until = report.occurred.from_, report.occurred.until
    if start > now_ms + _AHEAD_MS:
        message = f"is more than a day ahead: {time_text(start)}"
        return [FieldWarning(path="occurred.from", code="event_in_future", message=message)]
    if until is not None and until > now_ms + _END_AHEAD_MS:
        message = f"is more than a year ahead: {time_text(until)}"
        return [FieldWarning(path="occurred.until", code="event_in_future", message=message)]
    if start < _YEAR_1900_MS:
        message = f"is before 1900: {time_text(start)}"
        return [FieldWarning(path="occurred.from", code="event_long_ago", message=message)]
    return []


def _of_births(report: IntelligenceReport) -> list[FieldWarning]:
    found = []
    for index, entity in enumerate(report.entities):
        born = entity.person.birth_date if entity.person is not None else None
        if born is None:
            continue
        event = time_text(max(report.occurred.from_, report.occurred.until or report.occurred.from_))
        path = f"entities[{index}].person.birth_date"
        if born < "1900":
            found.append(FieldWarning(path=path, code="birth_long_ago", message=f"is before 1900: {born!r}"))
        elif born > event[: len(born)]:
            found.append(FieldWarning(path=path, code="birth_after_event", message=f"is after the event: {born!r}"))
    return found


def _of_position(place: Place, originator: str) -> list[FieldWarning]:
    if place.latitude_microdegrees is None or place.longitude_microdegrees is None:
        return []
    latitude, longitude = place.latitude_microdegrees / 1e6, place.longitude_microdegrees / 1e6
    if latitude == longitude == 0:
        message = "is the position 0,0 in the Gulf of Guinea, which often stands for an unknown position"
        return [FieldWarning(path="place.latitude_microdegrees", code="position_zero", message=message)]
    if _looks_swapped(latitude, longitude, originator):
        message = f"latitude {latitude:g} and longitude {longitude:g} look swapped"
        return [FieldWarning(path="place.latitude_microdegrees", code="position_swapped", message=message)]
    return []


def _looks_swapped(latitude: float, longitude: float, originator: str) -> bool:
    swapped = (longitude, latitude)
    if not _SOUTH <= latitude <= _NORTH and _SOUTH <= longitude <= _NORTH:
        return True
    box = _boxes().get(originator)
    return box is not None and _inside(swapped, box, 0) and not _inside((latitude, longitude), box, _MARGIN)


def _inside(position: tuple[float, float], box: tuple[float, float, float, float], margin: float) -> bool:
    south, west, north, east = box
    return south - margin <= position[0] <= north + margin and west - margin <= position[1] <= east + margin


@cache
def _boxes() -> dict[str, tuple[float, float, float, float]]:
    boxes: dict[str, tuple[float, float, float, float]] = json.loads(_BOXES.read_text("utf-8"))["boxes"]
    return boxes
