"""Reads the reports of a store for migrations that make its indexes again."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from schemas.avro import codec
from schemas.types import IntelligenceReport

Reports = list[tuple[int, IntelligenceReport]]
"""(id of the message, its report)."""

message = sa.table("message", sa.column("id"), sa.column("payload"))


def stored_reports(connection: sa.Connection, chosen: sa.Select[*tuple[Any, ...]], together: int) -> Iterator[Reports]:
    """The reports of `chosen`, a selection of `message`, `together` at a time.

    A damaged payload stays for `db check` to find.
    """
    page = chosen.order_by(message.c.id).limit(together)
    last = 0
    while rows := connection.execute(page.where(message.c.id > last)).all():
        last = rows[-1].id
        reports: Reports = []
        for id_, payload in rows:
            try:
                reports.append((id_, codec.decode(IntelligenceReport, payload)))
            except codec.BadMessage:
                continue
        if reports:
            yield reports
