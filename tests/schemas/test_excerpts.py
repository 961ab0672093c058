"""How much of a value an error repeats."""

from node.errors import HINT_CHARACTERS_MAX, UsageError
from schemas.excerpts import EXCERPT_CHARACTERS_MAX, MESSAGE_CHARACTERS_MAX, excerpt, quoted, within
from schemas.field_errors import FieldError


def test_a_short_value_is_repeated_whole() -> None:
    value = "x" * EXCERPT_CHARACTERS_MAX

    assert excerpt(value) == value
    assert quoted("a\nb") == r"'a\nb'"


def test_of_a_long_value_only_the_beginning_is_repeated() -> None:
    assert excerpt("x" * 1000) == "x" * EXCERPT_CHARACTERS_MAX + "…"
    assert quoted("'" * 1000) == '"' + "'" * EXCERPT_CHARACTERS_MAX + '…"'


def test_a_long_text_loses_its_middle() -> None:
    """A message ends with the reason, after a value that may be long."""
    cut = within("begin " + "x" * 1000 + ": the reason", 60)

    assert len(cut) == 60
    assert cut.startswith("begin ")
    assert cut.endswith(": the reason")
    assert within("short", 60) == "short"


def test_no_error_is_longer_than_its_limit() -> None:
    """Even if its maker repeated a whole value."""
    value = "x" * 1_000_000
    error = UsageError("usage", f"{value} is wrong", path=value, hint=value)
    field = FieldError(path=value, code="usage", message=f"{value} is wrong")

    for short in (error.message, str(error), error.path, field.message, field.path):
        assert len(short or "") == MESSAGE_CHARACTERS_MAX
    assert len(error.hint or "") == HINT_CHARACTERS_MAX
    assert error.message.endswith(" is wrong")
