"""Opens text files in the encoding of a mapping, and finds the encodings that fit a file.

Rules:
- Bytes that are not valid become half of a surrogate pair: no valid text contains one, so they are found in the row or
  the header where they are.
- A byte order mark is not text. A file that begins with the mark of UTF-8 is read as UTF-8 only.
- ISO 8859 has no control codes (node/rows/strict_latin.py).
"""

import codecs
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

from node.errors import UsageError
from node.rows.strict_latin import strict_codec

_MARK: Final = "\udcff"
_ERRORS: Final = "enlace_mark"
_SAMPLE_SIZE_BYTES: Final = 262_144

_NAMED: Final = """
    utf-8 utf-16 utf-16-le utf-16-be latin-1 ascii
    windows-1250 windows-1251 windows-1252 windows-1253 windows-1254 windows-1255 windows-1256 windows-1257
    windows-1258 iso-8859-2 iso-8859-3 iso-8859-4 iso-8859-5 iso-8859-6 iso-8859-7 iso-8859-8 iso-8859-9
    iso-8859-10 iso-8859-13 iso-8859-14 iso-8859-15 iso-8859-16 cp437 cp737 cp775 cp850 cp852 cp855 cp857 cp858 cp860
    cp861 cp862 cp863 cp865 cp866 cp869 koi8-r koi8-u mac-roman mac-latin2 mac-cyrillic mac-greek mac-turkish
    gb18030 big5 shift_jis euc-jp euc-kr
""".split()  # noqa: SIM905 - a list of names reads best so
ENCODINGS: Final = {codecs.lookup(name).name: name for name in _NAMED}
"""Name of Python's codec -> name that messages use."""

_TRIED: Final = ("utf-8", "utf-16", "utf-16-le", "utf-16-be", "windows-1252", "latin-1", "windows-1250", "cp850")


def _marked(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return _MARK, error.end


codecs.register_error(_ERRORS, _marked)


def known_encoding(name: str) -> str | None:
    """The name of an encoding as messages use it, whatever its spelling; None if it is not one that can be read."""
    try:
        return ENCODINGS.get(codecs.lookup(name.strip()).name)
    except LookupError:
        return None


def is_clean(text: str) -> bool:
    """Whether all bytes of the text were valid."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


@contextmanager
def opened_text(path: Path, encoding: str) -> Iterator[TextIO]:
    """The text of a file with its line ends. Raises UsageError if it is not readable."""
    try:
        if encoding == "utf-16" and _begins(path, 2) not in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            raise wrong_encoding(path, encoding, "the beginning, which has no byte order mark,")
        if encoding != "utf-8" and _begins(path, 3) == codecs.BOM_UTF8:
            raise wrong_encoding(path, encoding, "the beginning, which is the byte order mark of UTF-8,")
        codec = "utf-8-sig" if encoding == "utf-8" else strict_codec(encoding)
        with path.open(encoding=codec, errors=_ERRORS, newline="") as file:
            yield file
    except OSError as error:
        raise UsageError("file_unreadable", f"{path}: {error.strerror}", path=str(path)) from None


def fitting_encodings(path: Path, current: str, wanted: Collection[str] = ()) -> list[str]:
    """The encodings other than `current` in which the beginning of a file is text, the best first.

    Encodings in which the file has one of the `wanted` columns come first; if there are any, the others are left out.
    """
    try:
        with path.open("rb") as file:
            sample = file.read(_SAMPLE_SIZE_BYTES)
    except OSError:
        return []
    texts = {name: text for name in _TRIED if name != current and (text := _as_text(sample, name)) is not None}
    ranked = [name for name in texts if any(column in texts[name] for column in wanted if not column.isascii())]
    return ranked or list(texts)


def wrong_encoding(path: Path, encoding: str, what: str, wanted: Collection[str] = ()) -> UsageError:
    """The error for a file whose header is not text in `encoding`."""
    fitting = ", ".join(fitting_encodings(path, encoding, wanted))
    hint = f"set encoding in the mapping; these fit the file: {fitting}" if fitting else "set encoding in the mapping"
    return UsageError("encoding_wrong", f"{path}: {what} is not valid in {encoding}", path="encoding", hint=hint)


def _begins(path: Path, length: int) -> bytes:
    with path.open("rb") as file:
        return file.read(length)


def _as_text(sample: bytes, name: str) -> str | None:
    wide = b"\0" in sample
    marked = sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if name.startswith("utf-16") != (wide or marked) or (name == "utf-16") != marked:
        return None
    try:
        text = codecs.getincrementaldecoder(name)().decode(sample, final=False)
    except UnicodeDecodeError:
        return None
    strange = any((character < " " and character not in "\t\r\n") or "\x7f" <= character < "\xa0" for character in text)
    return None if strange else text
