"""Hands one file in: as reports (JSON, NDJSON), or through the mapping of the configuration.

A file whose name ends with .json, .ndjson or .jsonl has reports, unless the mapping is for that format. Every other
file goes through the mapping. A file that cannot be read is one refused item with its reason.
"""

import asyncio
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

from node.answers.plain_json import presentable
from node.commands.import_file import import_file
from node.commands.publish import ITEMS_IN_TRANSACTION_MAX, publish_items, refused_item
from node.drop_folder.account import Account
from node.drop_folder.open_reports import check_reports, opened_reports
from node.errors import EnlaceError, Unavailable
from node.files import read_text
from node.handing_in.report_file import items_of_file
from node.heartbeats import beat
from node.mapping.load_mapping import load
from node.reports.ndjson import Item
from node.runtime.open_intake import OpenIntake
from schemas.field_errors import FieldError
from schemas.types import MappingFormat

MAPPED_SIZE_BYTES_MAX: Final = 2 * 1024**3
REPORTS: Final = (".json", ".ndjson", ".jsonl")


async def hand_in(intake: OpenIntake, file: Path, mapping: Path | None, account: Account, *, actor: str) -> None:
    """Hand the items of `file` in, and write each answer into the account. Raises Unavailable and OSError."""
    try:
        if _has_reports(file, mapping):
            await _publish(intake, file, account, actor=actor)
        elif mapping is None:
            message = "files of this kind need a mapping, and none is configured"
            account.add(refused(FieldError(path="", code="mapping_missing", message=message)))
        else:
            await _import(intake, file, mapping, account, actor=actor)
    except Unavailable:
        raise
    except EnlaceError as error:
        account.add(refused(FieldError(path="", code=error.code, message=error.message)))
    if account.items == 0:
        account.add(refused(FieldError(path="", code="file_empty", message="the file has no report")))


def refused(error: FieldError) -> dict[str, Any]:
    """The line of a file that is refused as a whole."""
    line: dict[str, Any] = presentable(refused_item(0, [error]))
    return line


def _has_reports(file: Path, mapping: Path | None) -> bool:
    name = file.name.lower()
    if not name.endswith(REPORTS):
        return False
    if mapping is None:
        return True
    return load(read_text(mapping), file=str(mapping)).format not in (MappingFormat.json, MappingFormat.ndjson)


async def _publish(intake: OpenIntake, file: Path, account: Account, *, actor: str) -> None:
    with opened_reports(file) as source:
        await asyncio.to_thread(check_reports, source)
        items = items_of_file(source)
        while together := await asyncio.to_thread(_some, items):
            for answer in await publish_items(intake, together, actor=actor, dry_run=False):
                _write(account, presentable(answer))


def _some(items: Iterator[Item]) -> list[Item]:
    return list(islice(items, ITEMS_IN_TRANSACTION_MAX))


def _size(file: Path) -> int:
    return file.stat().st_size


async def _import(intake: OpenIntake, file: Path, mapping: Path, account: Account, *, actor: str) -> None:
    if _size(file) > MAPPED_SIZE_BYTES_MAX:
        message = f"the file is larger than {MAPPED_SIZE_BYTES_MAX:,} bytes"
        account.add(refused(FieldError(path="", code="too_large", message=message)))
        return
    await import_file(intake, mapping, file, actor=actor, on_line=partial(_write, account))


def _write(account: Account, line: dict[str, Any]) -> None:
    account.add(line)
    account.flush()
    beat()  # a large file takes longer than a supervisor waits
