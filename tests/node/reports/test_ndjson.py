"""JSON and NDJSON as bytes: which items they hold and which lines are refused."""

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
    ("lines end as elsewhere", b'{"a":1}\r\n{"b":2}\r\n', [(1, {"a": 1}), (2, {"b": 2})]),
    ("blank lines are no items", b'{"a":1}\n\n \n{"b":2}', [(1, {"a": 1}), (4, {"b": 2})]),
    ("a byte order mark", b'\xef\xbb\xbf{"a":1}', [(1, {"a": 1})]),
    ("a bad line in the middle", b'{"a":1}\n{"b":\n{"c":3}', [(1, {"a": 1}), (2, "not_json"), (3, {"c": 3})]),
    ("a bad line first", b'{\n{"a":1}', [(1, "not_json"), (2, {"a": 1})]),
    ("a line that is no object", b'[1]\n"x"\n{"a":1}', [(1, "not_an_object"), (2, "not_an_object"), (3, {"a": 1})]),
    ("bytes that are no UTF-8", b'{"a":"\xff"}\n{"a":1}', [(1, "not_json"), (2, {"a": 1})]),
    ("not a number", b'{"a":NaN}', [(1, "not_json")]),
    ("half a surrogate", b'{"a":"\\ud800"}', [(1, "not_json")]),
    ("a broken object over several lines", b'{\n  "a": 1,\n  "b" 2\n}\n', [(1, "not_json")]),
    ("nesting without end", b"[" * 100_000, [(1, "not_json")]),
    ("nothing", b" \n", []),
]


@pytest.mark.parametrize(("data", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_items_of_a_file(data: bytes, expected: list[tuple[int, object]]) -> None:
    """Each item with the number of its line; a bad line is one refused item and the others go on."""
    assert _items(data) == expected


def test_a_line_above_the_limit_is_refused_and_the_next_goes_on() -> None:
    """The error names the limit."""
    long = json.dumps({"a": "x" * ITEM_SIZE_BYTES_MAX}).encode()
    items = list(parse_lines(long + b'\n{"b":2}'))

    error = items[0][1]
    assert isinstance(error, FieldError)
    assert (error.code, "1,000,000" in error.message) == ("too_large", True)
    assert items[1] == (2, {"b": 2})


def test_a_single_object_above_the_limit_is_one_refused_item() -> None:
    """However many lines it has."""
    data = json.dumps({"a": ["x" * 100] * 20_000}, indent=1).encode()

    assert _items(data) == [(1, "too_large")]


@given(st.lists(st.dictionaries(st.text(max_size=5), st.one_of(st.integers(0, 9), st.text(max_size=9))), max_size=8))
def test_ndjson_reads_back_what_was_written(objects: list[dict[str, object]]) -> None:
    """Line for line, in order."""
    data = b"".join(json.dumps(obj).encode() + b"\n" for obj in objects)

    assert list(parse_lines(data)) == list(enumerate(objects, start=1))
