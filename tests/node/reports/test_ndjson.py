"""JSON and NDJSON as bytes: which objects they contain and which lines are refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.reports.ndjson import ITEM_SIZE_BYTES_MAX, parse_lines
from schemas.field_errors import FieldError


def _items(data: bytes) -> list[tuple[int, object]]:
    return [(line, item.code if isinstance(item, FieldError) else item) for line, item in parse_lines(data)]


CASES: list[tuple[str, bytes, list[tuple[int, object]]]] = [
    ("one object", b'{"a":1}', [(1, {"a": 1})]),
    ("one object over several lines", b'\n{\n  "a": 1\n}\n', [(2, {"a": 1})]),
    ("two lines", b'{"a":1}\n{"b":2}\n', [(1, {"a": 1}), (2, {"b": 2})]),
    ("lines that end in CR LF", b'{"a":1}\r\n{"b":2}\r\n', [(1, {"a": 1}), (2, {"b": 2})]),
    ("blank lines are skipped", b'{"a":1}\n\n \n{"b":2}', [(1, {"a": 1}), (4, {"b": 2})]),
    ("a byte order mark", b'\xef\xbb\xbf{"a":1}', [(1, {"a": 1})]),
    ("a bad line in the middle", b'{"a":1}\n{"b":\n{"c":3}', [(1, {"a": 1}), (2, "not_json"), (3, {"c": 3})]),
    ("a bad line first", b'{\n{"a":1}', [(1, "not_json"), (2, {"a": 1})]),
    ("a line that is not an object", b'[1]\n"x"\n{"a":1}', [(1, "not_an_object"), (2, "not_an_object"), (3, {"a": 1})]),
    ("bytes that are not UTF-8", b'{"a":"\xff"}\n{"a":1}', [(1, "not_json"), (2, {"a": 1})]),
    ("not a number", b'{"a":NaN}', [(1, "not_json")]),
    ("half a surrogate", b'{"a":"\\ud800"}', [(1, "not_json")]),
    ("a broken object over several lines", b'{\n  "a": 1,\n  "b" 2\n}\n', [(1, "not_json")]),
    ("a key twice", b'{"a":1,"a":2}\n{"a":1}', [(1, "duplicate"), (2, {"a": 1})]),
    ("a key twice in an object over several lines", b'{\n"b":\n{"c":3}\n,"b":1}', [(1, "duplicate")]),
    ("a list over several lines", b'[\n{"a":1}\n]', [(1, "not_an_object")]),
    ("very deep nesting", b"[" * 100_000, [(1, "not_json")]),
    ("nothing", b" \n", []),
]


@pytest.mark.parametrize(("data", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_each_item_has_its_line_number_and_a_bad_line_is_one_refused_item(
    data: bytes, expected: list[tuple[int, object]]
) -> None:
    """The lines after a bad line are read."""
    assert _items(data) == expected


def test_a_line_above_the_limit_is_refused_and_the_next_line_is_read() -> None:
    """The error names the limit."""
    long = json.dumps({"a": "x" * ITEM_SIZE_BYTES_MAX}).encode()
    items = list(parse_lines(long + b'\n{"b":2}'))

    error = items[0][1]
    assert isinstance(error, FieldError)
    assert (error.code, "1,000,000" in error.message) == ("too_large", True)
    assert items[1] == (2, {"b": 2})


def test_a_single_object_above_the_limit_is_one_refused_item() -> None:
    """For any number of lines."""
    data = json.dumps({"a": ["x" * 100] * 20_000}, indent=1).encode()

    assert _items(data) == [(1, "too_large")]


@given(st.lists(st.dictionaries(st.text(max_size=5), st.one_of(st.integers(0, 9), st.text(max_size=9))), max_size=8))
def test_ndjson_reads_back_what_was_written(objects: list[dict[str, object]]) -> None:
    """One object for each line, in order."""
    data = b"".join(json.dumps(obj).encode() + b"\n" for obj in objects)

    assert list(parse_lines(data)) == list(enumerate(objects, start=1))
