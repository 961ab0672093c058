"""Importing: each row has a result, a bad row has a reason, and a second import accepts nothing."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from broker.topology import default
from node.errors import Unavailable, UsageError
from node.mapping.import_rows import (
    CHUNK_ROWS,
    Counts,
    ImportedRow,
    import_rows,
)
from node.mapping.load_mapping import load
from node.mapping.open_source import Source
from node.stages import Draft
from tests.support.data import DATA
from tests.support.samples import NOW_MS

EXAMPLES = Path(__file__).parents[3] / "examples" / "mappings"
SEIZURES = DATA / "seizures-colombia-2018" / "data" / "data.json"
ATTACKS = DATA / "pirate-attacks" / "data" / "csv" / "pirate_attacks.csv"
NODES = ("BZ", "GT", "MX", "CO", "ES", "BR", "PE", "VE", "EC", "JM", "DO", "HT", "PA", "NL")
NEXT_YEAR_MS = NOW_MS + 365 * 86_400_000

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"no public data in {DATA}: set ENLACE_DATA")

SMALL = """
id = "small"
format = "ndjson"
key = ["no"]
[occurred]
date = "day"
[[field]]
path = "subjects"
values = ["CONTRABAND"]
[[field]]
path = "narrative.text"
column = "words"
"""
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
HANDLING = '[[field]]\npath = "handling"\nvalues = ["H0"]\n'
MAPPING = SMALL + HANDLING + "".join(f'[[field]]\npath = "{path}"\nvalue = "{v}"\n' for path, v in CONSTANTS.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The result of the publishing service for one draft."""

    outcome: str
    draft: Draft


@dataclass(slots=True, kw_only=True)
class Service:
    """A publishing service that remembers what it accepted, like the real one."""

    known: dict[tuple[str, str], bytes] = field(default_factory=dict)
    chunks: list[int] = field(default_factory=list)
    fails_after: int | None = None

    async def accept(self, drafts: Sequence[Draft]) -> list[Result]:
        """One result for each draft."""
        if len(self.chunks) == self.fails_after:
            raise Unavailable("store_away", "the store is away")
        self.chunks.append(len(drafts))
        return [Result(outcome=self._outcome(draft), draft=draft) for draft in drafts]

    def _outcome(self, draft: Draft) -> str:
        name = (draft.report_id, draft.region)
        earlier = self.known.setdefault(name, draft.content_hash)
        if earlier is draft.content_hash:
            return "accepted"
        return "duplicate" if earlier == draft.content_hash else "refused"


@dataclass(slots=True, kw_only=True)
class Import:
    """What an import reported."""

    counts: Counts
    rows: list[ImportedRow[Result]]
    progress: list[int]

    def refused(self) -> list[tuple[int, int, str, str]]:
        """Row, line, path and message of each error."""
        return [
            (row.mapped.row, row.mapped.line, error.path, error.message)
            for row in self.rows
            for error in row.mapped.errors
        ]


def _import(
    path: Path, mapping: str, service: Service, *, originator: str = "BZ", now_ms: int = NOW_MS, file: str = "m.toml"
) -> Import:
    source = Source(
        path=path, mapping=load(mapping, file=file), folder=path.parent, originator=originator, topology=default()
    )
    done = Import(counts=Counts(), rows=[], progress=[])
    done.counts = asyncio.run(
        import_rows(
            source,
            service.accept,
            clock=lambda: now_ms,
            on_row=done.rows.append,
            on_progress=done.progress.append,
        )
    )
    return done


def _account(counts: Counts) -> tuple[int, int, int, int, int]:
    return counts.read, counts.accepted, counts.duplicate, counts.refused, counts.not_selected


def _small(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "rows.ndjson"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def test_the_import_continues_after_bad_rows(tmp_path: Path) -> None:
    """Invalid JSON, an invalid date, no text, other content with the same key: refused, in the order of the file."""
    path = _small(
        tmp_path,
        '{"no": 1, "day": "2026-01-01", "words": "first"}',
        '{"no": 2, "day": "2026-01-01"',
        '{"no": 3, "day": "2026-02-30", "words": "third"}',
        '{"no": 4, "day": "2026-01-01", "words": null}',
        '{"no": 1, "day": "2026-01-01", "words": "first"}',
        '{"no": 1, "day": "2026-01-01", "words": "changed"}',
        '{"no": 7, "day": "2026-01-01", "words": "last"}',
    )
    done = _import(path, MAPPING, Service())

    assert _account(done.counts) == (7, 2, 1, 4, 0)
    outcomes = [row.outcome for row in done.rows]
    assert outcomes == ["accepted", "refused", "refused", "refused", "duplicate", "refused", "accepted"]
    assert [(row, line, at) for row, line, at, _ in done.refused()] == [
        (2, 2, ""),
        (3, 3, "occurred.from"),
        (4, 4, "narrative.text"),
    ]


def test_a_second_import_accepts_nothing_on_any_later_day(tmp_path: Path) -> None:
    """Ids and content depend on the rows only."""
    path = _small(tmp_path, *(f'{{"no": {n}, "day": "2026-01-01", "words": "w{n}"}}' for n in range(5)))
    service = Service()

    assert _account(_import(path, MAPPING, service).counts) == (5, 5, 0, 0, 0)
    assert _account(_import(path, MAPPING, service, now_ms=NEXT_YEAR_MS).counts) == (5, 0, 5, 0, 0)


def test_without_key_columns_the_content_is_the_key(tmp_path: Path) -> None:
    """A column that no field reads does not change the report."""
    path = _small(
        tmp_path,
        '{"no": 1, "day": "2026-01-01", "words": "same"}',
        '{"no": 2, "day": "2026-01-01", "words": "same"}',
    )
    done = _import(path, MAPPING.replace('key = ["no"]', ""), Service())

    assert _account(done.counts) == (2, 1, 1, 0, 0)


def test_rows_are_passed_on_and_counted_in_chunks(tmp_path: Path) -> None:
    """At most one chunk is in memory, and progress only grows."""
    total = 2 * CHUNK_ROWS + 7
    path = _small(tmp_path, *(f'{{"no": {n}, "day": "2026-01-01", "words": "w"}}' for n in range(total)))
    service = Service()
    done = _import(path, MAPPING, service)

    assert service.chunks == [CHUNK_ROWS, CHUNK_ROWS, 7]
    assert done.progress == [CHUNK_ROWS, 2 * CHUNK_ROWS, total]


def test_an_error_of_the_service_ends_the_import_and_the_next_import_continues(tmp_path: Path) -> None:
    """Accepted rows stay accepted, and no row is accepted twice."""
    total = 2 * CHUNK_ROWS
    path = _small(tmp_path, *(f'{{"no": {n}, "day": "2026-01-01", "words": "w"}}' for n in range(total)))
    service = Service(fails_after=1)
    with pytest.raises(Unavailable):
        _import(path, MAPPING, service)
    service.fails_after = None

    assert _account(_import(path, MAPPING, service).counts) == (total, CHUNK_ROWS, CHUNK_ROWS, 0, 0)


def test_a_missing_column_is_found_before_a_row_is_accepted(tmp_path: Path) -> None:
    """It is one error and not one for each row."""
    path = _small(tmp_path, '{"no": 1, "day": "2026-01-01", "word": "first"}')
    service = Service()
    with pytest.raises(UsageError, match="words"):
        _import(path, MAPPING, service)

    assert service.chunks == []


@needs_data
def test_all_colombian_seizures_are_imported() -> None:
    """1,000 rows. Place codes have their leading zero again; a day is a day in Bogotá."""
    mapping = (EXAMPLES / "seizures-colombia.toml").read_text("utf-8")
    service = Service()
    done = _import(SEIZURES, mapping, service, originator="CO")
    reports = [row.result.draft.report for row in done.rows if row.result]

    assert _account(done.counts) == (1000, 1000, 0, 0, 0)
    assert {report.region for report in reports} == {"south-america"}
    assert {len(report.place.text or "") for report in reports if report.place} == {8}
    assert {report.place.text[:2] for report in reports if report.place and report.place.text} >= {"05", "91"}
    assert all(report.occurred.from_ % 86_400_000 == 5 * 3_600_000 for report in reports)
    assert _account(_import(SEIZURES, mapping, service, originator="CO", now_ms=NEXT_YEAR_MS).counts)[1:3] == (0, 1000)
    assert _account(_import(SEIZURES, mapping, Service(), originator="BZ").counts) == (1000, 0, 0, 0, 1000)


@pytest.fixture(scope="module")
def attacks() -> dict[str, Import]:
    """The attacks imported by each node."""
    mapping = (EXAMPLES / "pirate-attacks.toml").read_text("utf-8")
    return {node: _import(ATTACKS, mapping, Service(), originator=node) for node in NODES}


@needs_data
def test_fourteen_nodes_import_all_attacks(attacks: dict[str, Import]) -> None:
    """7,511 rows: 20 duplicates, one invalid time; the others are accepted once, by the node that they belong to."""
    total: Counter[str] = Counter()
    refused: list[tuple[int, int, str, str]] = []
    for done in attacks.values():
        assert done.counts.read == 7511
        assert done.counts.not_selected + len(done.rows) == 7511
        total.update(row.outcome for row in done.rows)
        refused += done.refused()

    assert total == {"accepted": 7490, "duplicate": 20, "refused": 1}
    assert refused == [(7369, 8395, "occurred.from", "column time: '18:85 UTC' does not fit %H:%M UTC")]


@needs_data
def test_the_attacks_that_spain_imports_keep_the_content_of_the_file(attacks: dict[str, Import]) -> None:
    """Text over several lines, NA as no value, positions in microdegrees, different labels."""
    reports = [row.result.draft.report for row in attacks["ES"].rows if row.result]

    assert any("\n" in report.narrative.text for report in reports)
    assert not any("NA" in report.narrative.text.split() for report in reports)
    assert all(report.place and report.place.latitude_microdegrees is not None for report in reports)
    assert len({report.handling for report in reports}) == 5
    assert len({report.subjects for report in reports}) >= 4
    assert len({report.purpose for report in reports}) == 2
