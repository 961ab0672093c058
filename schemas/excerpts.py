"""Excerpts: how much of a value an error message repeats. Pure.

A message that repeated a whole value would be as long as its caller wants. It would fill logs and terminals, and its
reader would not find what is wrong.
"""

from typing import Final

EXCERPT_CHARACTERS_MAX: Final = 64  # of a value; the longest id, code and identifier fit
MESSAGE_CHARACTERS_MAX: Final = 400  # of a message: enough for a sentence and the excerpts in it
MARK: Final = "…"


def excerpt(value: str) -> str:
    """The beginning of a value; the whole of a short one."""
    return value if len(value) <= EXCERPT_CHARACTERS_MAX else value[:EXCERPT_CHARACTERS_MAX] + MARK


def quoted(value: str) -> str:
    """An excerpt in quotation marks, with escapes for characters that cannot be printed."""
    return repr(excerpt(value))


def within(text: str, characters: int) -> str:
    """A text without its middle if it is longer than `characters`: a message often ends with the reason."""
    if len(text) <= characters:
        return text
    end = characters // 3
    return text[: characters - end - len(MARK)] + MARK + text[-end:]
