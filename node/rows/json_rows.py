"""Reads the rows of JSON files: an array of objects, perhaps inside another object, or NDJSON.

Rules:
- A row that is malformed is refused, and reading resumes at the next row: in NDJSON at the next line, in an array at
  the next line that begins an object with the same indent. If there is none, the refused row takes the rest.
- Numbers keep the text of the file. A key that occurs twice refuses its row.
- An array is read piece by piece and need not fit into memory.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NoReturn, TextIO

from node.errors import UsageError
from node.rows.json_stream import JsonStream
from node.rows.lines import LINE_LENGTH_MAX, Lines
from node.rows.row import LineAccount, Row, RowFormat
from node.rows.text_encoding import is_clean, wrong_encoding
from schemas.field_errors import FieldError
from schemas.json_form.strict_json import NUMBER_TEXTS, JsonError, decode

_OPENING: Final = {"[": "a JSON array", "{": "a JSON object"}


class NdjsonRows:
    """One object on each line."""

    columns = None

    def __init__(self, file: TextIO, row_format: RowFormat, _path: Path, account: LineAccount) -> None:
        self._lines = Lines(file, account)
        self._account = account
        self.format = row_format

    def __iter__(self) -> Iterator[Row]:
        """The rows of all lines that are not blank."""
        number = 0
        while (text := self._lines.take()) is not None:
            line = self._lines.number
            if line == 1:
                text = text.removeprefix("\ufeff")
            if not text.strip():
                self._account.blank += 1
                continue
            number += 1
            if len(text) >= LINE_LENGTH_MAX:
                yield _bad(number, line, line, "too_large", f"is longer than {LINE_LENGTH_MAX:,} characters")
                continue
            try:
                value = decode(text, NUMBER_TEXTS)
            except JsonError as error:
                yield _bad(number, line, line, error.code, error.message, error.path)
                continue
            yield _object(number, line, line, value, is_clean(text))


class JsonRows:
    """The objects of an array, which is the whole file or is found at `rows` of the format."""

    columns = None

    def __init__(self, file: TextIO, row_format: RowFormat, path: Path, account: LineAccount) -> None:
        self._stream = JsonStream(file, account)
        self._path = path
        self.format = row_format
        self._names = row_format.rows.split(".") if row_format.rows else []
        for name in self._names:
            self._enter(name)
        self._expect("[")
        account.header = self._stream.line - 1

    def __iter__(self) -> Iterator[Row]:
        """The elements of the array. Text behind it that is not JSON is one refused row more."""
        stream, number, comma_missing = self._stream, 0, False
        while (mark := stream.peek()) and mark != "]":
            number += 1
            line, beginning = stream.line, stream.next_begins()
            try:
                value, clean = stream.value()
            except JsonError as error:
                resumed = error.end is not None or stream.resume(beginning)
                last = max(line, stream.line - (error.end is None and resumed))
                yield _bad(number, line, last, error.code, error.message, error.path)
                comma_missing = error.end is not None and not self._comma()
                continue
            if comma_missing:
                yield _bad(number, line, stream.line, "not_json", "is not valid JSON: a comma is missing before it")
            else:
                yield _object(number, line, stream.line, value, clean)
            comma_missing = not self._comma()
        line = stream.line
        if reason := self._behind(mark):
            stream.resume(None)
            yield _bad(number + 1, line, line, "not_json", reason)

    def _comma(self) -> bool:
        """Move past the comma between two elements; False if there is none, and the array goes on."""
        mark = self._stream.peek()
        if mark == ",":
            self._stream.skip()
        return mark in (",", "]", "")

    def _behind(self, mark: str) -> str | None:
        """What is wrong with the text behind the elements; None if it is the end of the file that was begun."""
        if not mark:
            return "is not valid JSON: the file ends inside the array"
        self._stream.skip()
        try:
            for name in reversed(self._names):
                while self._stream.peek() == ",":
                    self._stream.skip()
                    if self._key() == name:
                        return f"is not valid JSON: the key {name} is there twice; its first value was read"
                    self._value()
                self._expect("}")
        except UsageError as error:
            return error.message
        return "is not valid JSON: there is more text behind it" if self._stream.peek() else None

    def _enter(self, name: str) -> None:
        """Move to the value of a key, past the keys before it."""
        self._expect("{")
        while self._stream.peek() == '"':
            if self._key() == name:
                return
            self._value()
            if self._stream.peek() == ",":
                self._stream.skip()
        self._malformed(f"there is no key {name}, which `rows` of the mapping names", path="rows")

    def _key(self) -> Any:
        """The next key of an object; moves to its value."""
        self._stream.peek()
        key, _ = self._value()
        if self._stream.peek() != ":":
            self._malformed("a colon is missing")
        self._stream.skip()
        self._stream.peek()
        return key

    def _value(self) -> tuple[Any, bool]:
        try:
            return self._stream.value()
        except JsonError as error:
            self._malformed(error.message)

    def _expect(self, mark: str) -> None:
        found = self._stream.peek()
        if found != mark:
            if found and not is_clean(found):
                raise wrong_encoding(self._path, self.format.encoding, "the beginning")
            self._malformed(f"it is not {_OPENING[mark]}" + (" of objects" if mark == "[" else ""))
        self._stream.skip()

    def _malformed(self, reason: str, path: str | None = None) -> NoReturn:
        hint = "name the path of the array as `rows` in the mapping, or set format to ndjson" if path is None else None
        raise UsageError(
            "file_malformed", f"{self._path} is not valid: {reason}", path=path or str(self._path), hint=hint
        )


def _object(number: int, line: int, last_line: int, value: Any, clean: bool) -> Row:
    if not isinstance(value, dict):
        return _bad(number, line, last_line, "not_an_object", "a row is a JSON object")
    if not clean and not all(map(is_clean, value)):
        return _bad(number, line, last_line, "encoding_wrong", "has a key that is not valid in the file's encoding")
    return Row(number, line, last_line, value, clean)


def _bad(number: int, line: int, last_line: int, code: str, message: str, path: str = "") -> Row:
    return Row(number, line, last_line, {}, True, FieldError(path=path, code=code, message=message))
