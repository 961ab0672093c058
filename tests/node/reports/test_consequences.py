"""All errors of a report are answered together, and one fault of the input is one error."""

import copy
from typing import Any

import pytest

from broker.topology import default
from node.reports.validate import ReportRefused, validate
from schemas.field_errors import FieldError
from tests.support import samples
from tests.support.samples import NOW_MS

EVERYTHING = samples.report(retain_until="2035-12-31")


def _errors(obj: dict[str, Any], known: tuple[FieldError, ...] = ()) -> list[tuple[str, str]]:
    with pytest.raises(ReportRefused) as caught:
        validate(obj, originator="BZ", topology=default(), now_ms=NOW_MS, resolve_references={}, known_errors=known)
    return [(error.path, error.code) for error in caught.value.errors]


def _paths() -> list[tuple[str | int, ...]]:
    """The path of each value of the sample, of records and lists too."""

    def walk(value: Any, path: tuple[str | int, ...]) -> list[tuple[str | int, ...]]:
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        return [found for key, item in items for found in [(*path, key), *walk(item, (*path, key))]]

    return walk(EVERYTHING, ())


def _shown(path: tuple[str | int, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


@pytest.mark.parametrize("path", _paths(), ids=_shown)
@pytest.mark.parametrize("wrong", [3.5, [[]], {"x": {}}], ids=["a fraction", "a list", "an object"])
def test_one_wrong_value_is_one_error_wherever_it_is(path: tuple[str | int, ...], wrong: Any) -> None:
    """The rules between fields do not see the stand-in of a wrong value."""
    obj: Any = copy.deepcopy(EVERYTHING)
    record = obj
    for part in path[:-1]:
        record = record[part]
    record[path[-1]] = wrong

    found = [where for where, _ in _errors(obj)]
    assert all(where.startswith(_shown(path)) for where in found)
    assert len([where for where in found if where == _shown(path)]) <= 1


def test_errors_of_form_and_errors_between_fields_come_together() -> None:
    """In one answer; each names the value and what is allowed."""
    obj = copy.deepcopy(EVERYTHING) | {
        "urgency": 3,
        "handling": ["H3"],
        "occurred": {"from": "2026-02-02T00:00:00Z", "until": "2026-02-01T00:00:00Z"},
        "retain_until": "1999-01-01",
        "colour": "green",
    }

    assert sorted(_errors(obj)) == [
        ("colour", "unknown_key"),
        ("handling_text", "missing"),
        ("occurred.until", "out_of_range"),
        ("retain_until", "out_of_range"),
        ("urgency", "wrong_type"),
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"occurred": {"from": "yesterday", "until": "1900-01-01T00:00:00Z"}}, [("occurred.from", "wrong_format")]),
        ({"evaluation": {"grid": 4, "source": "A", "information": "2"}}, [("evaluation.grid", "wrong_type")]),
        ({"entities": 7}, [("entities", "wrong_type")]),
    ],
)
def test_an_error_that_only_follows_from_another_is_left_out(
    changes: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert _errors(copy.deepcopy(EVERYTHING) | changes) == expected


def test_a_field_that_the_caller_could_not_fill_is_not_missing_as_well() -> None:
    """The import leaves out a field whose column has an error."""
    obj = {name: value for name, value in EVERYTHING.items() if name not in ("occurred", "purpose")}
    known = FieldError(path="occurred.from", code="not_a_time", message="column day: 'x' does not fit %Y")

    assert _errors(obj, (known,)) == [("occurred.from", "not_a_time"), ("purpose", "missing")]


@pytest.mark.parametrize(("born", "code"), [("2077-01-01", "out_of_range"), ("2077", "out_of_range")])
def test_a_birth_date_in_the_future_is_refused(born: str, code: str) -> None:
    obj = copy.deepcopy(EVERYTHING)
    obj["entities"][0]["person"]["birth_date"] = born

    assert _errors(obj) == [("entities[0].person.birth_date", code)]


def test_the_error_of_a_wrong_value_names_the_value_and_what_is_allowed() -> None:
    with pytest.raises(ReportRefused) as caught:
        validate(
            copy.deepcopy(EVERYTHING) | {"legal_basis": 5, "retain_until": "31/12/2030"},
            originator="BZ",
            topology=default(),
            now_ms=NOW_MS,
            resolve_references={},
        )

    assert [error.message for error in caught.value.errors] == [
        "must be a text, not the number 5",
        "must be a date YYYY-MM-DD, not '31/12/2030'",
    ]
