"""Drafts a mapping for a file: TOML with what can be guessed, and with FILL_IN where a person must decide.

Rows are refused until the constants are filled in: a draft invents no subject and no legal basis.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any, Final

from node.mapping.guess_columns import Guess, Samples, guess_columns
from node.mapping.unfilled_places import FILL_IN
from node.rows.read_rows import opened_rows
from node.rows.row import RowFormat
from node.rows.source_file import SourceFile
from schemas import codes

_ROWS: Final = 100
_NAME_LENGTH: Final = 32
_RETENTION_YEARS: Final = 5


def draft_mapping(path: Path, row_format: RowFormat, today: date) -> str:
    """The TOML of a mapping for this file. Raises UsageError if it is not readable."""
    samples = _samples(SourceFile(path=path, format=row_format))
    guess = guess_columns(samples)
    return "\n".join(_lines(path, row_format, samples, guess, today)) + "\n"


def _samples(source: SourceFile) -> Samples:
    found: dict[str, list[str]] = {}
    with opened_rows(source) as rows:
        for name in rows.columns or ():
            found[name] = []
        for row in islice(rows, _ROWS):
            for name, text in _texts(row.values):
                found.setdefault(name, []).extend([text] if text else [])
    return {name: values for name, values in found.items() if name.strip()} or {"date": []}


def _texts(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """The columns of a row with their texts; nested objects by their paths."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _texts(value, f"{prefix}{name}.")
        elif isinstance(value, str | bool):
            yield prefix + name, str(value).strip()
        else:
            yield prefix + name, ""


def _lines(path: Path, row_format: RowFormat, samples: Samples, guess: Guess, today: date) -> Iterator[str]:
    yield f"# A draft for {_plain(path.name)}. Replace each {FILL_IN}, and check what was guessed:"
    yield "# `enlace mapping check MAPPING FILE` shows the first rows as reports."
    yield from _file_keys(path, row_format, guess)
    yield ""
    yield "[occurred]"
    yield f"date = {_quoted(guess.date)}" + ("" if guess.date_found else f"  # {FILL_IN}: no column looks like a date")
    yield f"date_format = {_quoted(guess.date_format)}"
    if guess.time is not None:
        yield f"time = {_quoted(guess.time)}"
        yield f"time_format = {_quoted(guess.time_format)}"
    yield 'zone = "UTC"  # the zone of local times, such as "America/Guatemala"'
    yield from _constants(today)
    yield from _fields(samples, guess)
    used = {guess.date, guess.time, guess.text, guess.latitude, guess.longitude, guess.key}
    rest = [name for name in samples if name not in used]
    if rest and guess.text is not None:
        yield ""
        yield f"# Columns that are not used yet: {', '.join(_plain(name) for name in rest)}"


def _file_keys(path: Path, row_format: RowFormat, guess: Guess) -> Iterator[str]:
    name = re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-")[:_NAME_LENGTH].strip("-") or "rows"
    yield f"id = {_quoted(name)}"
    yield f"format = {_quoted(row_format.format.value)}"
    default = RowFormat(format=row_format.format)
    for key in ("encoding", "delimiter", "rows", "skip_lines", "columns"):
        value = getattr(row_format, key)
        if value != getattr(default, key):
            yield f"{key} = {value if isinstance(value, int) else _quoted(value)}"
    if guess.decimal != ".":
        yield f"decimal = {_quoted(guess.decimal)}"
    if guess.key is not None:
        yield f"key = [{_quoted(guess.key)}]"


def _constants(today: date) -> Iterator[str]:
    listed = {name: ", ".join(codes.load(name).ordered) for name in ("subjects", "purposes", "urgency")}
    yield from _field("subjects", f'values = ["{FILL_IN}"]', f"of: {listed['subjects']}")
    yield from _field("handling", f'values = ["{FILL_IN}"]', "H0 to H3; H3 needs handling_text")
    yield from _field("narrative.language", 'value = "en"', "ISO 639-1")
    yield from _field("urgency", 'value = "NORMAL"', f"of: {listed['urgency']}")
    yield from _field("purpose", 'value = "INFORMATION_EXCHANGE"', f"of: {listed['purposes']}")
    yield from _field("legal_basis", 'value = ""', f"{FILL_IN}: the law that allows the exchange")
    until = f"{today.year + _RETENTION_YEARS}-12-31"
    yield from _field("retain_until", f'value = "{until}"', "the last day on which a recipient may hold it")
    yield from _field("evaluation.grid", 'value = "4x4"', "or 6x6")
    yield from _field("evaluation.source", 'value = "X"', "4x4: A, B, C or X, which is not known")
    yield from _field("evaluation.information", 'value = "4"', "4x4: 1 to 4, where 4 cannot be judged")


def _fields(samples: Samples, guess: Guess) -> Iterator[str]:
    if guess.text is not None:
        yield from _field("narrative.text", f"column = {_quoted(guess.text)}", "")
    else:
        named = [name for name in samples if not set(name) & set("{}|")]
        template = ", ".join(f"{name}: {{{name}|-}}" for name in named)
        yield from _field("narrative.text", f"template = {_quoted(template or FILL_IN)}", "")
    for path, column in (("latitude", guess.latitude), ("longitude", guess.longitude)):
        if column is not None:
            yield from _field(f"place.{path}_microdegrees", f"column = {_quoted(column)}\nscale = 6", "")


def _field(path: str, source: str, comment: str) -> Iterator[str]:
    yield ""
    if comment:
        yield f"# {comment}"
    yield "[[field]]"
    yield f"path = {_quoted(path)}"
    yield source


def _quoted(value: object) -> str:
    """A text or a list of texts as TOML, which is JSON but for one character."""
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _plain(text: str) -> str:
    """A text in a comment: on one line."""
    return "".join(character if character.isprintable() else " " for character in text)
