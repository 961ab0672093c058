"""node/commands/justification.py: the purpose and the reason of a consultation."""

import pytest

from node.commands.justification import REASON_CHARACTERS_MAX, justification_of, required_justification
from node.errors import UsageError


def test_a_purpose_is_a_code_and_a_reason_is_one_line() -> None:
    """Lower case is accepted, and spaces are joined."""
    why = required_justification(" cross_checking", " case 12\n\tat the\u00a0ferry ")

    assert (why.purpose, why.reason) == ("CROSS_CHECKING", "case 12 at the ferry")


def test_both_may_be_left_out_where_they_are_optional() -> None:
    """What is given is checked."""
    assert justification_of(None, None).purpose is None
    assert justification_of(None, "a\u200cb").reason == "a\u200cb"  # spellings of Persian need it
    with pytest.raises(UsageError):
        justification_of("WEATHER", None)


@pytest.mark.parametrize(
    ("purpose", "reason", "path", "code"),
    [
        (None, "case 12", "purpose", "purpose_missing"),
        (" ", "case 12", "purpose", "purpose_missing"),
        ("CROSS_CHECKING", None, "reason", "purpose_missing"),
        ("CROSS_CHECKING", "", "reason", "purpose_missing"),
        ("CROSS_CHECKING", "\u2003\n", "reason", "purpose_missing"),
        ("WEATHER", "case 12", "purpose", "unknown_code"),
        ("CROSS_CHECKING", "x" * (REASON_CHARACTERS_MAX + 1), "reason", "value_invalid"),
        ("CROSS_CHECKING", "a\x00b", "reason", "value_invalid"),
        ("CROSS_CHECKING", "a\ud800b", "reason", "value_invalid"),
        ("CROSS_CHECKING", "a\u202eb", "reason", "value_invalid"),
    ],
)
def test_what_is_missing_or_wrong_is_named(purpose: str | None, reason: str | None, path: str, code: str) -> None:
    """The error names the field."""
    with pytest.raises(UsageError) as raised:
        required_justification(purpose, reason)

    assert (raised.value.path, raised.value.code) == (path, code)
