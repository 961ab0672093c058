"""A file to import, with its format. Pure data."""

from dataclasses import dataclass
from pathlib import Path

from node.rows.row import RowFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """A file and how to read it."""

    path: Path
    format: RowFormat
