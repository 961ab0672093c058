"""Fills the templates of a mapping: text with `{column}`, `{column|substitute}` or `{column@table}`. Pure."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_PLACEHOLDER: Final = re.compile(r"\{([^{}|]+)(?:\|([^{}]*))?\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Placeholder:
    """A column in a template."""

    column: str
    table: str | None
    substitute: str | None
    """The text for a column without a value; None: then there is no text at all."""


@lru_cache(maxsize=256)
def parse_template(template: str, tables: frozenset[str]) -> tuple[str | Placeholder, ...]:
    """The texts and placeholders of a template. `@` separates a table if there is one of that name."""
    parts: list[str | Placeholder] = []
    end = 0
    for match in _PLACEHOLDER.finditer(template):
        if match.start() > end:
            parts.append(template[end : match.start()])
        column, _, table = match[1].rpartition("@")
        known = bool(column) and table in tables
        parts.append(
            Placeholder(column=column if known else match[1], table=table if known else None, substitute=match[2])
        )
        end = match.end()
    return (*parts, template[end:]) if end < len(template) else tuple(parts)


def columns_of(template: str, tables: Collection[str] = ()) -> tuple[str, ...]:
    """The columns that a template names."""
    parts = parse_template(template, frozenset(tables))
    return tuple(part.column for part in parts if isinstance(part, Placeholder))


def fill_template(parts: Collection[str | Placeholder], text_of: Callable[[Placeholder], str | None]) -> str | None:
    """The text. None if a column has no value and the template has no substitute for it."""
    texts: list[str] = []
    missing = False
    for part in parts:
        if isinstance(part, str):
            texts.append(part)
            continue
        value = text_of(part)
        value = part.substitute if value is None else value
        missing |= value is None
        texts.append(value or "")
    return None if missing else "".join(texts)
