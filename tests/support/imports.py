"""Imports of small files for tests: a mapping of constants, to which a test adds what it is about."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from broker.topology import default
from node.mapping.import_rows import Counts, ImportedRow, import_rows
from node.mapping.load_mapping import load
from node.mapping.open_source import Source
from node.stages import Draft
from schemas.types import IntelligenceReport
from tests.support.samples import NOW_MS

CONSTANTS = {
    "narrative.language": "en",
    "urgency": "NORMAL",
    "purpose": "RESEARCH",
    "legal_basis": "Synthetic",
    "retain_until": "2034-12-31",
    "evaluation.grid": "4x4",
    "evaluation.source": "A",
    "evaluation.information": "1",
}
TEXT = {"path": "narrative.text", "column": "text"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The result of a publishing service that accepts everything."""

    outcome: str
    draft: Draft


@dataclass(slots=True, kw_only=True)
class Imported:
    """What an import reported."""

    counts: Counts
    rows: list[ImportedRow[Accepted]] = field(default_factory=list)

    @property
    def reports(self) -> list[IntelligenceReport]:
        """The accepted reports, in the order of the file."""
        return [row.result.draft.report for row in self.rows if row.result is not None]

    @property
    def texts(self) -> list[str]:
        """The narratives of the accepted reports."""
        return [report.narrative.text for report in self.reports]

    @property
    def refused(self) -> list[tuple[int, str, str]]:
        """Line, path and code of each error."""
        return [(row.mapped.line, error.path, error.code) for row in self.rows for error in row.mapped.errors]

    @property
    def messages(self) -> list[str]:
        """The message of each error."""
        return [error.message for row in self.rows for error in row.mapped.errors]

    @property
    def span(self) -> list[tuple[int, int, str]]:
        """First and last line and outcome of each row."""
        return [(row.mapped.line, row.mapped.last_line, row.outcome) for row in self.rows]


def toml_field(section: str = "field", **keys: object) -> str:
    """A section such as [[field]] with these keys."""
    lines = [f"{name} = {_toml(value)}" for name, value in keys.items()]
    return f"[[{section}]]\n" + "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    if isinstance(value, bool | int):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return "'''" + str(value) + "'''"


def mapping_text(
    top: str = 'format = "csv"',
    occurred: str = 'date = "date"',
    fields: str = "",
    *,
    leave_out: Sequence[str] = (),
) -> str:
    """A mapping of constants, with `top` keys, an [occurred] section and further sections."""
    constants = [toml_field(path=path, value=value) for path, value in CONSTANTS.items() if path not in leave_out]
    lists = {"subjects": ["CONTRABAND"], "handling": ["H0"]}
    constants += [toml_field(path=path, values=codes) for path, codes in lists.items() if path not in leave_out]
    text = "" if "narrative.text" in leave_out else toml_field(**TEXT)
    return f'id = "case"\n{top}\n[occurred]\n{occurred}\n{text}{"".join(constants)}{fields}'


def import_file(folder: Path, data: bytes | Path, mapping: str, *, now_ms: int = NOW_MS) -> Imported:
    """Import a file, or these bytes as one, with a service that accepts everything."""
    path = data if isinstance(data, Path) else folder / "rows"
    if isinstance(data, bytes):
        path.write_bytes(data)
    source = Source(path=path, mapping=load(mapping, file="m.toml"), folder=folder, originator="BZ", topology=default())
    done = Imported(counts=Counts())

    async def accept(drafts: Sequence[Draft]) -> list[Accepted]:
        return [Accepted(outcome="accepted", draft=draft) for draft in drafts]

    async def run() -> Counts:
        return await import_rows(
            source, accept, clock=lambda: now_ms, on_row=done.rows.append, on_progress=lambda _: None
        )

    done.counts = asyncio.run(run())
    return done
