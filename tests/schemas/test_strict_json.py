"""Strict JSON: what two readers could understand differently is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.json_form.strict_json import DEPTH_MAX, NUMBER_TEXTS, JsonError, decode, decode_at

REFUSED: dict[str, tuple[str, str, str]] = {
    "a key twice": ('{"a": 1, "a": 1}', "duplicate", "a"),
    "a key twice, written differently": ('{"a": 1, "\\u0061": 2}', "duplicate", "a"),
    "a key twice deep inside": ('{"e": [{}, {"p": {"c": 1, "d": 2, "c": 3}}]}', "duplicate", "e[1].p.c"),
    "a key twice inside a key that is there twice": ('{"x": {"b": 1, "b": 2}, "x": 0}', "duplicate", "x"),
    "NaN": ('{"a": NaN}', "not_json", ""),
    "Infinity": ("[-Infinity]", "not_json", ""),
    "half a surrogate pair": ('{"a": ["\\ud83d"]}', "not_json", "a[0]"),
    "half a surrogate pair in a key": ('{"\\uDE00": 1}', "not_json", ""),
    "nested too deep": ("[" * (DEPTH_MAX + 1) + "]" * (DEPTH_MAX + 1), "not_json", ""),
    "nested far too deep": ("[" * 100_000 + "]" * 100_000, "not_json", ""),
    "two values": ("1 2", "not_json", ""),
    "a number of 10,000 digits": ("1" * 10_000, "not_json", ""),
    "nothing": ("", "not_json", ""),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_strict_json_is_refused_with_code_and_path(name: str) -> None:
    text, code, path = REFUSED[name]
    with pytest.raises(JsonError) as caught:
        decode(text)

    assert (caught.value.code, caught.value.path) == (code, path)
    assert caught.value.message.isprintable()


def test_bytes_that_are_not_utf8_are_refused() -> None:
    """UTF-16 is not guessed."""
    for data in (b'{"a": "\xff"}', '{"a": 1}'.encode("utf-16"), b"\xed\xa0\x80"):
        with pytest.raises(JsonError):
            decode(data)


def test_brackets_in_texts_do_not_count_as_nesting() -> None:
    """Nor do objects that follow each other."""
    assert decode(json.dumps(["[{" * DEPTH_MAX, '"' * 9, "\\"])) == ["[{" * DEPTH_MAX, '"' * 9, "\\"]
    assert decode("[" + ",".join(["{}"] * 1000) + "]") == [{}] * 1000
    assert decode("[" * DEPTH_MAX + "]" * DEPTH_MAX)


def test_numbers_can_stay_the_text_of_the_input() -> None:
    """No digit is lost on the way through a float."""
    assert decode('{"a": 1.10, "b": 12345678901234567890}', NUMBER_TEXTS) == {"a": "1.10", "b": "12345678901234567890"}


def test_a_value_inside_a_longer_text_is_decoded_with_its_end() -> None:
    text = 'x{"a": 1}y'

    assert decode_at(text, 1, NUMBER_TEXTS) == ({"a": "1"}, 9)
    with pytest.raises(JsonError) as caught:
        decode_at('x{"a": 1, "a": 2}y', 1, NUMBER_TEXTS)
    assert (caught.value.code, caught.value.path) == ("duplicate", "a")


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
    max_leaves=20,
)


@given(JSON_VALUES, st.booleans())
def test_what_another_writer_writes_is_read_back(value: object, ascii_only: bool) -> None:
    assert decode(json.dumps(value, ensure_ascii=ascii_only).encode()) == value
