"""node/reports/question_lines.py: lines of questions, in pieces of any size."""

import json
import tracemalloc

import pytest

from node.reports.question_lines import (
    QUESTION_SIZE_BYTES_MAX,
    AskedLine,
    QuestionLines,
    RefusedQuestion,
    parse_question,
)
from node.reports.questions import Question

IMO = Question(scheme="IMO", value="9074729", country=None)


def asked(data: bytes, size: int = 1 << 16) -> list[AskedLine]:
    """The lines of `data`, which comes in pieces of `size` bytes."""
    lines = QuestionLines()
    found = []
    for first in range(0, len(data), size):
        found += lines.feed(data[first : first + size])
    return found + lines.end()


def codes(line: bytes) -> list[tuple[str, str]]:
    """Path and code of each error of a line."""
    question = parse_question(line)
    assert isinstance(question, RefusedQuestion)
    return [(error.path, error.code) for error in question.errors]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_lines_are_the_same_in_pieces_of_any_size(size: int) -> None:
    """LF, CRLF and CR end a line; blank lines count; the last line needs no end."""
    data = b"IMO=9074729\n\r\n \t\nIMO=9074729\r\rIMO=9074729\r\n\nIMO=9074729"

    assert asked(data, size) == [(1, IMO), (4, IMO), (6, IMO), (8, IMO)]


def test_a_line_is_there_when_its_end_comes() -> None:
    """Not one byte later: the next line may come in an hour."""
    lines = QuestionLines()

    assert lines.feed(b"IMO=907") == []
    assert lines.feed(b"4729\r") == [(1, IMO)]
    assert lines.feed(b"\n") == []
    assert lines.feed(b"\nIMO=9074729\n") == [(3, IMO)]
    assert lines.end() == []


def test_the_mark_of_utf_8_is_no_part_of_the_first_line() -> None:
    assert asked(b"\xef\xbb\xbfIMO=9074729\n") == [(1, IMO)]


def test_a_line_without_an_end_is_refused_without_being_kept() -> None:
    """20 MB in one line need less than 1 MB of memory, and the next line is read."""
    lines, piece = QuestionLines(), b"x" * (1 << 16)
    tracemalloc.start()
    try:
        for _ in range(320):
            assert lines.feed(piece) == []
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    [(number, refused), after] = lines.feed(b"x\nIMO=9074729\n")

    assert peak < 1_000_000
    assert (number, after) == (1, (2, IMO))
    assert isinstance(refused, RefusedQuestion)
    assert [error.code for error in refused.errors] == ["too_large"]


def test_a_line_has_exactly_as_many_bytes_as_the_limit_allows() -> None:
    """In one piece or in several."""
    text = b"IMO=9074729" + b" " * (QUESTION_SIZE_BYTES_MAX - 11)
    for size in (1000, 1 << 16):
        [(_, fits), (_, too_long)] = asked(text + b"\n" + text + b" \n", size)
        assert fits == IMO
        assert isinstance(too_long, RefusedQuestion)


def test_an_object_is_the_same_question_as_a_text() -> None:
    """The country may be missing or null."""
    whole = {"scheme": "phone", "value": "622-1234", "country": "bz"}
    assert parse_question(json.dumps(whole).encode()) == parse_question(b"BZ:PHONE=6221234")
    assert parse_question(b' {"scheme":"IMO","value":"9074729","country":null} ') == IMO
    assert parse_question(b'{"scheme":"NAME","value":"\\u00d1and\\u00fa"}') == parse_question("NAME=ñandú".encode())


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"IMO", [("", "wrong_format")]),
        (b"\xff\xfeI\x00", [("", "encoding_wrong")]),
        (b"NAME=\xc3", [("", "encoding_wrong")]),
        (b"{", [("", "not_json")]),
        (b'[{"scheme":"IMO","value":"9074729"}]', [("", "not_an_object")]),
        (b"{}", [("scheme", "missing"), ("value", "missing")]),
        (b'{"scheme":"IMO","value":9074729}', [("value", "wrong_type")]),
        (b'{"scheme":"IMO","value":null}', [("value", "missing")]),
        (b'{"scheme":"IMO","value":""}', [("value", "missing")]),
        (b'{"scheme":"IMO","value":"1234567","land":"BZ"}', [("land", "unknown_key")]),
        (b'{"scheme":"IMO","value":"9074729","value":"9074729"}', [("value", "duplicate")]),
        (b'{"scheme":"IMO","value":"9074729","country":"B"}', [("country", "unknown_code")]),
        (b'{"scheme":"IMO","value":"9074729","country":["BZ"]}', [("country", "wrong_type")]),
        (b'{"scheme":"NAME","value":"\\ud800"}', [("value", "not_json")]),
        (b'{"scheme":"IMO","value":NaN}', [("", "not_json")]),
        (b"[" * 3000, [("", "not_json")]),
    ],
)
def test_what_is_wrong_with_a_line_is_named(line: bytes, expected: list[tuple[str, str]]) -> None:
    """All errors of an object come at once."""
    assert codes(line) == expected


def test_a_refused_question_keeps_its_parts() -> None:
    """As they were given, so that a program finds its question again."""
    refused = parse_question(b"bz:shoe=42")

    assert isinstance(refused, RefusedQuestion)
    assert (refused.parts.scheme, refused.parts.value, refused.parts.country) == ("shoe", "42", "bz")
