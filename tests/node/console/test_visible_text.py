"""Characters that hide or reorder a text become visible; letters of all scripts stay."""

import pytest

from node.console.visible_text import visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x00b", "a⟨U+0000⟩b"),
        ("a\x1b[31mb", "a⟨U+001B⟩[31mb"),
        ("a\x85b", "a⟨U+0085⟩b"),
        ("cod\u202egnp.exe", "cod⟨U+202E⟩gnp.exe"),
        ("pay\u200bpal", "pay⟨U+200B⟩pal"),
        ("a\u2028b", "a⟨U+2028⟩b"),
        ("a\udc80b", "a⟨U+DC80⟩b"),
        ("a\U000e0041b", "a⟨U+E0041⟩b"),
        ("a\ufeffb", "a⟨U+FEFF⟩b"),
    ],
)
def test_a_character_that_deceives_becomes_its_number(text: str, shown: str) -> None:
    """The result can be encoded, so that no text can break the page."""
    assert visible(text) == shown
    visible(text).encode()


@pytest.mark.parametrize(
    "text",
    ["líneas\ny\ttabuladores", "\u0645\u0631\u062d\u0628\u0627", "密輸 船", "\u0645\u06cc\u200c\u062e", "a\u0301"],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    """Line ends, scripts from right to left, joiners and combining marks are text."""
    assert visible(text) == text


def test_the_line_end_of_windows_is_one_line_end() -> None:
    """A carriage return before a newline is not shown."""
    assert visible("a\r\nb\rc") == "a\nb⟨U+000D⟩c"
