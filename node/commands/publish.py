"""Hands reports in: a file of reports, or a file of rows through a mapping, to the node's publisher.

One answer for each item, in their order; a bad item is refused with its fields and the next one goes on.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec

from node.clock import now_ms
from node.commands.plain_json import presentable
from node.commands.search import actor
from node.database.engine import Store
from node.errors import UsageError
from node.exchange.publish import Acceptance, Publisher
from node.reports import ndjson
from node.reports.validate import ReportRefused, referred_ids, validate
from node.runtime.home import Home
from node.runtime.open_node import open_intake
from node.stages import Draft
from node.store import message_search, own_reports
from schemas.field_errors import FieldError

ITEMS_IN_TRANSACTION_MAX: Final = 200
COUNTED: Final = ("read", "accepted", "duplicate", "refused", "not_selected")


async def publish(home: Home, data: bytes, *, dry_run: bool) -> AsyncIterator[dict[str, Any]]:
    """Hand in every report of `data` (one JSON object, or NDJSON); the answers of the contract, one for each."""
    async with open_intake(home) as opened:
        store, intake = opened.store, opened.publisher
        items = ndjson.parse_lines(data)
        while chunk := list(islice(items, ITEMS_IN_TRANSACTION_MAX)):
            for answer in await _chunk(home, store, intake, chunk, dry_run=dry_run):
                yield answer


async def _chunk(
    home: Home, store: Store, intake: Publisher, chunk: Sequence[ndjson.Item], *, dry_run: bool
) -> list[dict[str, Any]]:
    wanted = [id_ for _, item in chunk if isinstance(item, dict) for id_ in referred_ids(item)]
    known = await _originators(home, store, wanted) if wanted else {}
    results: list[tuple[int, Draft | Sequence[FieldError]]] = []
    for line, item in chunk:
        if isinstance(item, FieldError):
            results.append((line, [item]))
            continue
        try:
            draft = validate(
                item,
                originator=home.config.node.id,
                topology=home.topology,
                now_ms=now_ms(),
                resolve_references=known,
            )
        except ReportRefused as refused:
            results.append((line, refused.errors))
        else:
            results.append((line, draft))
    drafts = [result for _, result in results if isinstance(result, Draft)]
    answers = iter(await intake.accept(drafts, actor=actor(), dry_run=dry_run) if drafts else ())
    return [
        {"line": line, **(accepted(next(answers)) if isinstance(result, Draft) else refused_item(result))}
        for line, result in results
    ]


async def _originators(home: Home, store: Store, wanted: Sequence[bytes]) -> dict[bytes, str]:
    async with store.read() as db:
        own = await own_reports.own_message_ids(db, wanted)
        return {**await message_search.originators(db, wanted), **dict.fromkeys(own, home.config.node.id)}


def accepted(answer: Acceptance) -> dict[str, Any]:
    """A publisher's answer, as the contract has it."""
    addressed, error = answer.addressed, answer.error
    return {
        "outcome": answer.outcome,
        "report_id": answer.report_id,
        "message_id": answer.message_id,
        "audience": sorted(addressed.admitted) if addressed else [],
        "refusals": [
            {"recipient": one.recipient, "agreement": one.agreement, "clause": one.clause, "reason": one.reason}
            for one in (addressed.refusals if addressed else ())
        ],
        "errors": [{"path": error.path, "code": error.code, "message": error.message, "allowed": []}] if error else [],
    }


def refused_item(errors: Sequence[FieldError]) -> dict[str, Any]:
    """An item that did not become a draft."""
    return {
        "outcome": "refused",
        "report_id": None,
        "message_id": None,
        "audience": [],
        "refusals": [],
        "errors": [
            {"path": one.path, "code": one.code, "message": one.message, "allowed": list(one.allowed)} for one in errors
        ],
    }


async def import_file(
    home: Home,
    mapping: Path,
    file: Path,
    *,
    report: Path | None,
    dry_run: bool,
    on_progress: Callable[[int], None],
) -> dict[str, Any]:
    """Import `file` by `mapping`; every row that is ours has a line in the `report` file. Returns the counts."""
    from node.files import read_text
    from node.reports.import_rows import ImportedRow, Source, import_rows
    from node.reports.mapping import load

    text = read_text(mapping)
    source = Source(
        path=file,
        mapping=load(text, file=str(mapping)),
        originator=home.config.node.id,
        topology=home.topology,
    )
    with _report_lines(report) as write:

        def on_row(row: ImportedRow[Acceptance]) -> None:
            answer = refused_item(row.mapped.errors) if row.result is None else accepted(row.result)
            write({"row": row.mapped.row, "line": row.mapped.line, **answer})

        async with open_intake(home) as opened:
            intake = opened.publisher
            counts = await import_rows(
                source,
                lambda drafts: intake.accept(drafts, actor=actor(), dry_run=dry_run),
                clock=now_ms,
                on_row=on_row,
                on_progress=on_progress,
            )
    return {**{name: getattr(counts, name) for name in COUNTED}, "report": str(report) if report else None}


@contextmanager
def _report_lines(report: Path | None) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Writes NDJSON lines to the report file; nowhere without one."""
    if report is None:
        yield lambda _: None
        return
    try:
        file = report.open("w", encoding="utf-8")
    except OSError as error:
        raise UsageError("file_unwritable", f"{report}: {error.strerror}", path="report_file") from None

    def write(item: dict[str, Any]) -> None:
        file.write(msgspec.json.encode(presentable(item)).decode() + "\n")

    with file:
        yield write
