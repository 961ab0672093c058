"""A synthetic report that is valid. Tests change one field at a time."""

import copy
from typing import Any

from broker.topology import default
from node.reports.validate import validate
from node.stages import Draft

NOW_MS = 1_795_392_000_000  # 2026-11-23
TOPOLOGY = default()

REPORT: dict[str, Any] = {
    "subjects": ["PROTECTED_AREA_ENCROACHMENT", "ENVIRONMENTAL_CRIME"],
    "narrative": {"text": "Camp with two chainsaws in the reserve.", "language": "en"},
    "occurred": {"from": "2026-11-20T06:00:00Z", "until": "2026-11-20T09:30:00Z"},
    "place": {"latitude_microdegrees": 16_895_000, "longitude_microdegrees": -89_093_000, "area": "Chiquibul"},
    "urgency": "NORMAL",
    "purpose": "INFORMATION_EXCHANGE",
    "legal_basis": "Synthetic treaty, art. 1",
    "retain_until": "2029-12-31",
    "evaluation": {"grid": "4x4", "source": "B", "information": "2"},
    "handling": ["H0"],
    "entities": [
        {
            "id": 1,
            "kind": "PERSON",
            "statement": "ASSESSMENT",
            "label": "Man with the chainsaw",
            "identifiers": [{"scheme": "PHONE", "value": "+501 600 1234", "country": "BZ"}],
            "person": {
                "family_name": "Muster",
                "birth_date": "1990-02",
                "category": "SUSPECT",
                "under_18": False,
                "special_category": False,
            },
        },
        {
            "id": 2,
            "kind": "GOODS",
            "statement": "FACT",
            "identifiers": [],
            "goods": {"type": "Mahogany", "quantity": "12.5", "unit": "M3"},
        },
    ],
    "connections": [{"from": 1, "to": 2, "role": "CARRIES", "statement": "ASSESSMENT"}],
}


def report(**changes: Any) -> dict[str, Any]:
    """The sample with other top-level fields; None removes a field."""
    made = copy.deepcopy(REPORT) | changes
    return {name: value for name, value in made.items() if value is not None}


def changed(path: str, value: Any) -> dict[str, Any]:
    """The sample with the value at a path such as `entities.0.person.category`; None removes it."""
    made = report()
    *parents, last = path.split(".")
    place: Any = made
    for name in parents:
        place = place[int(name)] if name.isdigit() else place[name]
    if value is None:
        del place[last]
    elif isinstance(place, list):
        place[int(last)] = value
    else:
        place[last] = value
    return made


def draft(obj: object = None, *, originator: str = "BZ", **arguments: Any) -> Draft:
    """The draft that the intake makes from a report."""
    settings: dict[str, Any] = {"topology": TOPOLOGY, "now_ms": NOW_MS, "resolve_references": {}} | arguments
    return validate(REPORT if obj is None else obj, originator=originator, **settings)
