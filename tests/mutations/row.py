"""One thing taken out of the code, and the tests that must see it."""

from collections.abc import Mapping
from dataclasses import dataclass

Rows = Mapping[str, tuple[str, str, str]]
"""Name -> text in the source, text in its place, the test that turns red."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """A text of a file replaced by another."""

    file: str
    old: str
    new: str
    tests: tuple[str, ...]
