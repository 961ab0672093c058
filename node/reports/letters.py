"""Folds characters of all scripts, so that one word has one form however it was typed. Pure.

Rules of `fold`, which the full-text index and the keys of names use:

- Letters are in lower case without accents, as in a normalised NAME: ß is ss, ł is l, ø is o, đ is d, æ is ae. An i
  without a dot is an i, a final sigma is a sigma, and a Cyrillic letter with two dots is the letter without them.
- Arabic letters have one form each, without vowel signs and without the line that stretches a word. Ligatures, letters
  of full width and digits of all scripts are the plain ones.
- Characters that no reader sees are dropped: soft hyphens, joiners, direction marks, variation selectors.
- Vowel signs that are letters of their script (Devanagari, Thai) and the voicing marks of Japanese stay.
- Every character that is not a letter, a digit or a sign of a letter is a space.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final

CHARACTERS_REMEMBERED_MAX: Final = 20_000  # no text of a living language uses more different characters
RUN_CHARS_REMEMBERED_MAX: Final = 2  # letters with accents between ASCII letters; a name in another script is longer
RUNS_REMEMBERED_MAX: Final = 4_096
_NOT_ASCII: Final = re.compile("[^\x00-\x7f]+")

_UNSEEN: Final = frozenset(
    (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0, *range(0x180B, 0x1810), *range(0xFE00, 0xFE10))
)
"""Code points without a visible form that are not of the category Cf: joiners, fillers, variation selectors."""

_TAGS: Final = range(0xE0000, 0xE1000)  # and further variation selectors
_VOICING: Final = "\u3099\u309a"
_STRETCH: Final = "\u0640"
_APOSTROPHES: Final = "\u02b9\u02ba\u02bb\u02bc\u02bd\u02be\u02bf\u02c8\u02ee\ua78b\ua78c"
"""Letters of Unicode that are written like an apostrophe: in Guaraní, Quechua, and Arabic in Latin letters."""

_LETTERS: Final = str.maketrans(
    {
        **{"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "\u0131": "i", "ŋ": "n"},
        **{"æ": "ae", "œ": "oe", "þ": "th", "ĸ": "k"},
        **{"\u0649": "\u064a", "\u06cc": "\u064a", "\u06d2": "\u064a", "\u06a9": "\u0643"},  # yeh and kaf
        **dict.fromkeys("\u0629\u06c1\u06be\u06c3\u06d5", "\u0647"),  # heh, and the heh that is written at the end
        **{"\u0671": "\u0627"},  # alef
    }
)
_LOOK_ALIKES: Final = str.maketrans(
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u0406\u0408\u0405\u04ae\u051a\u051c\u04c0\u0474"
    "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u037f",
    "ABEKMHOPCTYXIJSYQWIVABEZHIKMNOPTYXJ",
)
"""Capital letters of Cyrillic, then of Greek, and the Latin letters that look the same."""


class _Folding(dict[int, str]):
    """Code point -> its folded form; computed when it is first needed."""

    def __missing__(self, code_point: int) -> str:
        folded = _folded(chr(code_point))
        if len(self) < CHARACTERS_REMEMBERED_MAX:
            self[code_point] = folded
        return folded


def is_unseen(character: str) -> bool:
    """Whether no reader sees the character."""
    code_point = ord(character)
    return code_point in _UNSEEN or code_point in _TAGS or unicodedata.category(character) == "Cf"


def without_unseen(text: str) -> str:
    """The text without characters that no reader sees."""
    return text if text.isascii() else "".join(character for character in text if not is_unseen(character))


def fold(text: str) -> str:
    """The text in folded letters and digits, with a space for each other character.

    Each run of other characters than ASCII is folded by itself: few different ones occur, and ASCII is quick.
    """
    if text.isascii():
        return text.translate(_FOLDING)
    return _NOT_ASCII.sub(_folded_run, text).translate(_FOLDING)


def _folded_run(found: re.Match[str]) -> str:
    run = found[0]
    return _folded_short(run) if len(run) <= RUN_CHARS_REMEMBERED_MAX else fold_whole(run)


@lru_cache(maxsize=RUNS_REMEMBERED_MAX)
def _folded_short(run: str) -> str:
    return fold_whole(run)


def fold_whole(text: str) -> str:
    """What `fold` gives, by its definition: decomposed, each character folded, composed again."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKD", text).translate(_FOLDING))


def plain_digits(text: str) -> str:
    """The text with digits 0 to 9 in place of the digits of other scripts."""
    if text.isascii():
        return text
    return "".join(str(unicodedata.decimal(character, character)) for character in text)


def latin(text: str) -> str:
    """A text in upper case with Latin letters in place of Greek and Cyrillic letters that look the same."""
    return text if text.isascii() else text.translate(_LOOK_ALIKES)


def _folded(character: str) -> str:
    if is_unseen(character) or character == _STRETCH:
        return ""
    category = unicodedata.category(character)
    if category[0] == "M":
        stays = character in _VOICING or (category != "Me" and not unicodedata.combining(character))
        return character if stays else ""
    if character in _APOSTROPHES or not character.isalnum():
        return " "
    return plain_digits(character.casefold().translate(_LETTERS))


_FOLDING: Final = _Folding()
