"""Splits text into folded words for the full-text index: the same for what is stored and what is asked. Pure.

Both databases get these words and fold nothing themselves, so they give the same answers. Rules:

- A word is a run of folded letters and digits (node/reports/letters.py).
- Chinese, Japanese and Korean do not separate words. Each of their characters is a word, and so is each pair that
  follows each other: ABC is A AB B BC C. So a part of a text in these scripts is a phrase of its words.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from node.reports.letters import fold

WORD_CHARS_MAX: Final = 400  # longer words are cut; the index of PostgreSQL takes 2,046 bytes
_SPACES: Final = re.compile("  +")
_UNSEPARATED: Final = re.compile(
    "[\u1100-\u11ff\u2e80-\u312f\u3130-\u318f\u31a0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff"
    "\uf900-\ufaff\U0001b000-\U0001b16f\U00020000-\U0003ffff]+"
)
"""Han, kana, bopomofo and Hangul."""


def words_of(text: str) -> list[str]:
    """The folded words of `text`, in their order."""
    folded = fold(text)
    words = folded.split()
    if has_unseparated(folded):
        words = [word for run in words for word in _words_of_run(run)]
    return [word[:WORD_CHARS_MAX] for word in words]


def joined_words(text: str) -> str:
    """The words of `text`, each after one space; quicker than words_of for most texts."""
    folded = fold(text)
    if has_unseparated(folded) or _has_long_word(folded):
        return " ".join(words_of(text))
    return _SPACES.sub(" ", folded).strip(" ")


def _has_long_word(folded: str) -> bool:
    """Whether more than WORD_CHARS_MAX characters follow each other without a space."""
    start = 0
    while len(folded) - start > WORD_CHARS_MAX:
        space = folded.rfind(" ", start, start + WORD_CHARS_MAX + 1)
        if space < 0:
            return True
        start = space + 1
    return False


def has_unseparated(text: str) -> bool:
    """Whether some of the text is of a script that does not separate words."""
    return not text.isascii() and _UNSEPARATED.search(text) is not None


def _words_of_run(run: str) -> Iterator[str]:
    position = 0
    for part in _UNSEPARATED.finditer(run):
        yield from filter(None, (run[position : part.start()],))
        characters = part[0]
        for first, second in pairwise(characters):
            yield first
            yield first + second
        yield characters[-1]
        position = part.end()
    yield from filter(None, (run[position:],))
