"""Splits text into words for the full-text index and folds them: the same for what is stored and what is asked. Pure.

A word is a run of letters and digits. Case and accents do not count: `Águila` is `aguila`.
"""

import unicodedata
from typing import Final

WORD_CHARS_MAX: Final = 400  # longer words are cut; the index of PostgreSQL takes 2,046 bytes
_MARKS: Final = ("Mn", "Mc", "Me")


def words_of(text: str) -> list[str]:
    """The folded words of `text`, in their order."""
    return [
        word[:WORD_CHARS_MAX] for word in "".join(map(_folded, unicodedata.normalize("NFD", text))).split(" ") if word
    ]


def _folded(character: str) -> str:
    """A letter or digit in lower case; nothing for a mark; a space for anything else."""
    if character.isalnum():
        folded = character.casefold()
        return folded if len(folded) == 1 else character.lower()
    return "" if unicodedata.category(character) in _MARKS else " "
