"""schemas/json_form/json_values.py: values from and to JSON, and all errors at once."""

import copy
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import codes, formats, types
from schemas.field_errors import ERRORS_MAX, FieldError, FieldErrors
from schemas.formats import time_text
from schemas.json_form.json_values import from_json, to_json
from schemas.tools.json_schema import json_schema
from tests.support.wire_samples import EACH, REPORT, name_of

JSON = to_json(REPORT)


def changed(path: str, value: Any) -> dict[str, Any]:
    """The sample with another value at a path such as `entities.0.person.category`; `...` removes the key."""
    made = copy.deepcopy(JSON)
    *parents, last = path.split(".")
    record: Any = made
    for part in parents:
        record = record[int(part) if part.isdigit() else part]
    key: Any = int(last) if last.isdigit() else last
    if value is ...:
        del record[key]
    else:
        record[key] = value
    return made


def errors_of(obj: object) -> list[FieldError]:
    """The errors of a report."""
    with pytest.raises(FieldErrors) as caught:
        from_json(types.IntelligenceReport, obj)
    return caught.value.errors


@pytest.mark.parametrize("value", EACH, ids=name_of)
def test_what_is_written_is_read(value: types.Record) -> None:
    """Each type of the wire, as JSON text."""
    assert from_json(type(value), json.loads(json.dumps(to_json(value)))) == value


def test_dates_times_ids_and_bytes_are_texts() -> None:
    """As in the contract; fields without a value are left out."""
    shown = to_json(types.Reference(originator="GT", message_id=bytes(range(16))))

    assert shown == {"originator": "GT", "message_id": "00010203-0405-0607-0809-0a0b0c0d0e0f"}
    assert JSON["created_at"] == "2025-10-09T08:53:20Z"
    assert JSON["occurred"] == {"from": "2025-09-27T19:06:40Z", "until": "2025-09-27T19:06:40.123Z"}
    assert JSON["retain_until"] == "2030-03-27"
    assert "handling_text" not in JSON
    assert to_json(types.ReceiptItem(batch=bytes(32), outcomes=b"\x40"))["outcomes"] == "QA=="


WRONG: dict[str, tuple[str, Any, str, str]] = {
    "a mandatory field that is missing": ("purpose", ..., "purpose", "missing"),
    "a mandatory field that is null": ("purpose", None, "purpose", "missing"),
    "a mandatory field deep inside": ("entities.0.person.under_18", ..., "entities[0].person.under_18", "missing"),
    "an empty list where one is needed": ("handling", [], "handling", "missing"),
    "an empty text where one is needed": ("legal_basis", "", "legal_basis", "missing"),
    "a key that is not known": ("narrative.txt", "x", "narrative.txt", "unknown_key"),
    "a code that is not known": ("entities.0.person.category", "X", "entities[0].person.category", "unknown_code"),
    "a code in a list": ("handling", ["H0", "H9"], "handling[1]", "unknown_code"),
    "a code of another grid": ("evaluation.source", "F", "evaluation.source", "unknown_code"),
    "a grid that is not known": ("evaluation.grid", "5x5", "evaluation.grid", "unknown_code"),
    "a symbol that is not known": ("kind", "NOTE", "kind", "unknown_code"),
    "a number for a text": ("purpose", 7, "purpose", "wrong_type"),
    "a text for a number": ("entities.0.id", "1", "entities[0].id", "wrong_type"),
    "a fraction for a number": ("entities.0.id", 1.0, "entities[0].id", "wrong_type"),
    "a truth value for a number": ("entities.0.id", True, "entities[0].id", "wrong_type"),
    "a number for a truth value": ("entities.0.person.under_18", 0, "entities[0].person.under_18", "wrong_type"),
    "an object for a list": ("entities", {}, "entities", "wrong_type"),
    "a list for an object": ("narrative", [], "narrative", "wrong_type"),
    "a text for an object": ("entities.1", "x", "entities[1]", "wrong_type"),
    "a number out of range": ("place.latitude_microdegrees", 10**8, "place.latitude_microdegrees", "out_of_range"),
    "a number of 200 digits": ("entities.0.id", 10**200, "entities[0].id", "out_of_range"),
    "a day that does not exist": ("retain_until", "2030-02-30", "retain_until", "wrong_format"),
    "a date in another form": ("retain_until", "30.03.2030", "retain_until", "wrong_format"),
    "a date as a number": ("retain_until", 22000, "retain_until", "wrong_type"),
    "a time without a zone": ("occurred.from", "2026-01-01T00:00:00", "occurred.from", "wrong_format"),
    "a time without seconds": ("occurred.from", "2026-01-01T00:00Z", "occurred.from", "wrong_format"),
    "a time of hour 24": ("occurred.from", "2026-01-01T24:00:00Z", "occurred.from", "wrong_format"),
    "a time of minute 85": ("occurred.from", "2026-01-01T18:85:00Z", "occurred.from", "wrong_format"),
    "a time before the first": ("occurred.from", "0001-01-01T00:00:00+01:00", "occurred.from", "wrong_format"),
    "an id with braces": ("report_id", "{2f1c6b1e-7f0d-4a44-9a58-0c1e1f0a7d11}", "report_id", "wrong_format"),
    "a text that does not match": ("place.locode", "bzbze", "place.locode", "wrong_format"),
    "a term with NUL": ("entities.1.goods.unit", "a\0b", "entities[1].goods.unit", "wrong_format"),
    "half a surrogate pair": ("legal_basis", "\ud800", "legal_basis", "wrong_format"),
    "a text too long": ("entities.1.goods.type", "é" * 129, "entities[1].goods.type", "too_long"),
    "a list too long": ("subjects", ["CONTRABAND"] * 1001, "subjects", "too_many"),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_error_has_its_path_and_code(name: str) -> None:
    """One defect gives exactly one error."""
    path, value, expected_path, code = WRONG[name]

    errors = errors_of(changed(path, value))

    assert [(error.path, error.code) for error in errors] == [(expected_path, code)]
    assert errors[0].message


@pytest.mark.parametrize(
    ("path", "value", "allowed"),
    [
        ("handling", ["H9"], ("H0", "H1", "H2", "H3")),
        ("purpose", ..., codes.load("purposes").ordered),
        ("subjects", [], codes.load("subjects").ordered),
        ("evaluation.information", "6", ("1", "2", "3", "4")),
        ("kind", "NOTE", tuple(types.LabelKind)),
        ("entities.0.person.special_category", ..., ("true", "false")),
    ],
)
def test_an_error_lists_the_allowed_values(path: str, value: Any, allowed: tuple[str, ...]) -> None:
    """Also for a missing code."""
    assert errors_of(changed(path, value))[0].allowed == allowed


def test_all_errors_are_reported_at_once() -> None:
    """Top-level fields, nested fields and items of lists, in the order of the fields."""
    obj = changed("entities.0.person.category", "X")
    obj |= {"urgency": 3, "colour": "green"}
    del obj["purpose"]
    obj["connections"][0]["statement"] = "GUESS"

    assert [error.path for error in errors_of(obj)] == [
        "colour",
        "urgency",
        "purpose",
        "entities[0].person.category",
        "connections[0].statement",
    ]


def test_the_number_of_errors_is_limited() -> None:
    """Also for a thousand wrong entities and for a hundred thousand unknown keys."""
    obj = changed("entities", [{"colour": "green"}] * 1000)

    assert len(errors_of(obj)) == ERRORS_MAX
    assert len(errors_of(JSON | {f"{n:090}": n for n in range(100_000)})) == ERRORS_MAX


def test_the_error_of_an_unknown_key_suggests_the_nearest_known_key() -> None:
    """And lists all known keys."""
    error = errors_of(changed("narative", "x"))[0]

    assert "did you mean narrative?" in error.message
    assert "narrative" in error.allowed


def test_an_error_quotes_a_wrong_value_printable_and_shortened() -> None:
    """Errors go to terminals and to files in UTF-8."""
    errors = errors_of(changed("purpose", "x" * 10_000) | {"\ud800\n": 1, "k" * 10_000: 1})

    for error in errors:
        assert len(error.path.encode()) < 100
        assert len(error.message.encode()) < 200
        assert (error.path + error.message).isprintable()


@pytest.mark.parametrize("obj", [[], "report", 7, None, True])
def test_only_an_object_is_a_report(obj: object) -> None:
    """The path of the whole report is empty."""
    assert [(error.path, error.code) for error in errors_of(obj)] == [("", "wrong_type")]


def test_null_means_that_an_optional_key_was_left_out() -> None:
    """Many systems write it."""
    assert from_json(types.IntelligenceReport, changed("handling_text", None)) == REPORT


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2026-01-01T01:00:00+01:00", "2026-01-01T00:00:00Z"),
        ("2025-12-31t18:00:00.5-06:00", "2026-01-01T00:00:00.500Z"),
        ("2026-01-01T00:00:00.120000Z", "2026-01-01T00:00:00.120Z"),
        ("1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"),
        ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
    ],
)
def test_a_time_is_kept_as_utc(text: str, same: str) -> None:
    """With any offset, to the millisecond."""
    report = from_json(types.IntelligenceReport, changed("occurred", {"from": text}))

    assert to_json(report)["occurred"]["from"] == same


@given(ms=st.integers(min_value=-62_135_596_800_000, max_value=253_402_300_799_999))
def test_each_millisecond_has_one_text(ms: int) -> None:
    """For the years 1 to 9999."""
    assert formats.parse_time(time_text(ms)) == ms


@given(days=st.integers(min_value=-719_162, max_value=2_932_896))
def test_each_day_has_one_text(days: int) -> None:
    """For the years 1 to 9999."""
    assert formats.parse_date(formats.date_text(days)) == days


def test_a_report_id_in_capitals_is_the_same_id() -> None:
    """It is kept in lower case."""
    obj = changed("report_id", JSON["report_id"].upper())

    assert from_json(types.IntelligenceReport, obj) == REPORT


def test_a_report_that_is_read_can_be_encoded() -> None:
    """The limits of the codec are checked, so a report that passes can be sealed."""
    from schemas.avro.codec import encode

    longest = changed("narrative.text", "é" * 100_000)

    assert encode(from_json(types.IntelligenceReport, longest))


def test_the_json_schema_has_each_field_that_an_integrator_hands_in() -> None:
    """Without the fields that the node fills in; region and report id are optional."""
    schema = json_schema(types.IntelligenceReport, intake=True)
    fields = {field.encode_name for field in msgspec.structs.fields(types.IntelligenceReport)}

    assert set(schema["properties"]) == fields - {"kind", "created_at", "references"}
    assert fields - set(schema["required"]) >= {"region", "report_id", "place", "handling_text"}
    assert schema["additionalProperties"] is False
    assert schema["properties"]["handling"]["items"] == {"enum": ["H0", "H1", "H2", "H3"]}
    assert schema["properties"]["retain_until"]["format"] == "date"


def test_the_json_schema_binds_evaluation_codes_to_their_grid() -> None:
    """With a condition for each grid and field."""
    evaluation = json_schema(types.IntelligenceReport)["properties"]["evaluation"]

    assert {"properties": {"source": {"enum": ["A", "B", "C", "X"]}}} in [c["then"] for c in evaluation["allOf"]]
    assert len(evaluation["allOf"]) == 4
