"""Reports that come little by little are the items of the whole input, and each is given as soon as it can be."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.reports import report_lines
from node.reports.ndjson import ITEM_SIZE_BYTES_MAX, Item, parse_lines
from node.reports.report_lines import ReportLines

PRETTY = (Path(__file__).parents[3] / "demo" / "reports" / "bz-chiquibul.json").read_bytes()
LARGE = b"{\n" + (b'"a": [' + b"1, " * 400 + b"3],\n") * 900 + b'"b": 1\n}\n'
LINES = [
    b'{"a": 1}',
    b"{}",
    b"[1]",
    b"7",
    b"x",
    b'{"a": 1',
    b'"b": {"c": 2}}',
    b"",
    b" ",
    b'{"a": [',
    b'{"b": 2}',
    b"]}",
]


def items(*pieces: bytes) -> list[Item]:
    lines = ReportLines()
    found = [item for piece in pieces if piece for item in lines.feed(piece)]
    return [*found, *lines.end()]


@given(st.lists(st.sampled_from(LINES), max_size=6), st.sampled_from([b"\n", b"\r\n"]), st.integers(1, 12))
def test_the_items_are_those_of_the_whole_input(lines: list[bytes], end: bytes, size: int) -> None:
    data = end.join(lines) + end

    assert items(*[data[first : first + size] for first in range(0, len(data), size)]) == list(parse_lines(data))


@pytest.mark.parametrize("data", [PRETTY, b"\xef\xbb\xbf" + PRETTY, b"\n\n" + PRETTY, PRETTY.replace(b"\n", b"\r\n")])
def test_a_report_on_several_lines_is_one_item(data: bytes) -> None:
    """Although some of its lines are objects by themselves."""
    pieces = data.splitlines(keepends=True)

    assert items(*pieces) == list(parse_lines(data))
    assert len(items(*pieces)) == 1


def test_a_line_is_given_when_its_end_comes() -> None:
    lines = ReportLines()

    assert list(lines.feed(b'{"a"')) == []
    assert list(lines.feed(b': 1}\n{"b": ')) == [(1, {"a": 1})]
    assert list(lines.feed(b"2}\n")) == [(2, {"b": 2})]


def test_a_bad_first_line_is_given_when_the_next_line_shows_that_it_does_not_go_on() -> None:
    lines = ReportLines()

    assert list(lines.feed(b'{"a": 1]\n')) == []
    found = list(lines.feed(b'{"b": 2}\n'))
    assert [line for line, _ in found] == [1, 2]
    assert found[1] == (2, {"b": 2})


@pytest.mark.parametrize("begin", [b"", b"\xef\xbb\xbf", b"\n\n"])
@pytest.mark.parametrize(
    "data",
    [
        LARGE,
        LARGE + b'{"c": 3}\n' + b"7\n",
        b'{"a": "' + b"x" * ITEM_SIZE_BYTES_MAX + b'"}\n',
        b'{"a": "' + b"x" * (ITEM_SIZE_BYTES_MAX - 9) + b'"}',
        b"[\n" + LARGE,
        b"x\n" + LARGE,
    ],
    ids=["one report", "lines after all", "long line", "longest report", "list", "bad first line"],
)
def test_the_items_of_a_large_input_are_those_of_the_whole_input(data: bytes, begin: bytes) -> None:
    """One report that is too large is one error, not one for each of its lines."""
    data = begin + data

    assert items(*[data[first : first + 65_536] for first in range(0, len(data), 65_536)]) == list(parse_lines(data))


def test_an_input_without_an_end_does_not_fill_the_memory_with_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a number of lines, each line is an item, as it would be without the first one."""
    monkeypatch.setattr(report_lines, "LINES_KEPT_MAX", 500)
    lines = ReportLines()
    given_at_once = list(lines.feed(LARGE))
    afterwards = list(lines.feed(b'"b": 1\n'))

    assert len(given_at_once) == LARGE.count(b"\n")
    assert [line for line, _ in afterwards] == [LARGE.count(b"\n") + 1]


def test_a_long_input_does_not_stay_in_memory() -> None:
    lines = ReportLines()
    line = json.dumps({"text": "x" * 10_000}).encode() + b"\n"
    for _ in range(300):
        assert len(list(lines.feed(line))) == 1

    assert len(lines._held) == 0
