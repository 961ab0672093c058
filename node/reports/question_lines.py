"""Reads questions about identifiers line by line, as they come. A line that is wrong is one refused question.

Pure: bytes come from the caller, in pieces of any size. Rules:

- A line is a question as text (node/reports/questions.py), or a JSON object with `scheme`, `value` and perhaps
  `country`. A line that begins with a brace or a bracket is JSON.
- A line ends with LF, CRLF or CR: readers of barcodes and of passports send CR. Blank lines count and are skipped.
- A line has at most QUESTION_SIZE_BYTES_MAX bytes. The rest of a longer one is dropped as it comes, so that a source
  without line ends does not fill the memory.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from node.reports.questions import Parts, Question, QuestionRefused, question_of_parts, question_of_text
from schemas.field_errors import FieldError
from schemas.json_form.strict_json import JsonError, decode

QUESTION_SIZE_BYTES_MAX: Final = 4_096  # the longest name has 256 bytes; JSON with escapes needs six times as many
KEYS: Final = ("scheme", "value", "country")
_LINE_END: Final = re.compile(rb"\r\n|\n|\r")
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedQuestion:
    """A question with errors, and its parts as far as they could be read."""

    parts: Parts
    errors: tuple[FieldError, ...]


AskedLine = tuple[int, Question | RefusedQuestion]
"""Line number from 1, and its question."""


class QuestionLines:
    """Cuts pieces of a source into lines; keeps the beginning of the last line until its end comes."""

    def __init__(self) -> None:
        self._number = 0
        self._begun = b""
        self._too_long = False
        self._after_cr = False

    def feed(self, piece: bytes) -> list[AskedLine]:
        """The questions of the lines that end in `piece`, which has at least one byte."""
        if b"\n" not in piece and b"\r" not in piece:  # quicker than the pattern in a source without line ends
            self._after_cr = False
            self._keep(piece)
            return []
        ended_at_cr, self._after_cr = self._after_cr, piece.endswith(b"\r")
        *ended, rest = _LINE_END.split(piece.removeprefix(b"\n") if ended_at_cr else piece)
        asked: list[AskedLine] = []
        for part in ended:
            asked += self._line(part)
            self._begun, self._too_long = b"", False
        self._keep(rest)
        return asked

    def end(self) -> list[AskedLine]:
        """The question of a last line without an end."""
        asked = list(self._line(b""))
        self._begun, self._too_long = b"", False
        return asked

    def _keep(self, rest: bytes) -> None:
        if len(self._begun) + len(rest) > QUESTION_SIZE_BYTES_MAX:
            self._begun, self._too_long = b"", True
        elif not self._too_long:
            self._begun += rest

    def _line(self, part: bytes) -> Iterator[AskedLine]:
        self._keep(part)
        self._number += 1
        line = self._begun.removeprefix(_BYTE_ORDER_MARK) if self._number == 1 else self._begun
        if self._too_long:
            message = f"is longer than {QUESTION_SIZE_BYTES_MAX:,} bytes, the limit of a question"
            yield self._number, _refused(FieldError(path="", code="too_large", message=message))
        elif line.strip():
            yield self._number, parse_question(line)


def parse_question(line: bytes) -> Question | RefusedQuestion:
    """The question of one line."""
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        message = f"is not UTF-8: byte {error.start + 1} of the line does not fit"
        return _refused(FieldError(path="", code="encoding_wrong", message=message))
    if text.lstrip().startswith(("{", "[")):
        try:
            return question_of_json(decode(text))
        except JsonError as error:
            advice = "; write one JSON object in one line" if error.code == "not_json" else ""
            return _refused(FieldError(path=error.path, code=error.code, message=error.message + advice))
    try:
        return question_of_text(text)
    except QuestionRefused as refused:
        return RefusedQuestion(parts=refused.parts, errors=(refused.error,))


def question_of_json(value: Any) -> Question | RefusedQuestion:
    """The question of a JSON value: an object with KEYS, of which `country` may be missing or null."""
    if not isinstance(value, dict):
        message = "a question is a JSON object with scheme and value"
        return _refused(FieldError(path="", code="not_an_object", message=message))
    given = {key: value.get(key) for key in KEYS}
    parts = Parts(**{key: text if isinstance(text, str) else None for key, text in given.items()})
    errors = [
        FieldError(path=name, code="unknown_key", message="is not a key of a question", allowed=KEYS)
        for name in value
        if name not in KEYS
    ]
    for key, text in given.items():
        if text is None and key != "country":
            errors.append(FieldError(path=key, code="missing", message="must be there"))
        elif text is not None and not isinstance(text, str):
            errors.append(FieldError(path=key, code="wrong_type", message="must be a text"))
    if errors:
        return RefusedQuestion(parts=parts, errors=tuple(errors))
    try:
        return question_of_parts(parts)
    except QuestionRefused as refused:
        return RefusedQuestion(parts=parts, errors=(refused.error,))


def _refused(error: FieldError) -> RefusedQuestion:
    return RefusedQuestion(parts=Parts(), errors=(error,))
