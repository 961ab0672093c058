"""The table of message kinds agrees with the manual, and a further kind needs nothing but a row."""

import re
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from msgspec import structs

from broker.streams import MEMBER_STREAMS
from node.reports.labels import labels_of
from node.reports.search_terms import SearchTerms
from node.store import message_search
from node.store.message_search import Query
from node.system_random import random_bytes
from node.verification import kinds
from node.verification.kind_types import SealedKind, Storage
from node.verification.kinds import (
    OPEN_KINDS,
    REFERRING_TYPES,
    SEALED_KINDS,
    SEALED_TYPES,
    is_stream,
    kind_of,
    read_stored,
    sealed_kind,
)
from schemas import schema_files
from schemas.avro import codec
from schemas.types import LabelKind, Labels, MessageType, Recall
from tests.support.bed import bed
from tests.support.contract import code, tables
from tests.support.records import NOW, report_of


def row_named(name: str) -> SealedKind:
    """The row of the sealed kind with this name."""
    return next(kind for kind in SEALED_KINDS if kind.name == name)


def test_every_type_of_the_header_has_a_row() -> None:
    open_types = [kind.header_type for kind in OPEN_KINDS.values()]

    assert sorted([*open_types, *SEALED_TYPES]) == sorted(MessageType)
    assert len({kind.name for kind in SEALED_KINDS}) == len(SEALED_KINDS)
    assert REFERRING_TYPES == (MessageType.RECALL,)


def test_every_kind_of_labels_has_one_row() -> None:
    named = [label_kind for kind in SEALED_KINDS for label_kind in kind.label_kinds]

    assert sorted(named) == sorted(LabelKind)


def test_the_table_is_that_of_the_manual() -> None:
    [table] = tables("wire-format.md", "## Kinds of messages")
    in_manual = sorted(
        (code(row["type"]), row["stream"].strip("`"), code(row["content"]), row["receipts"], row["a node keeps"])
        for row in table
    )
    kept = {
        Storage.MESSAGE: "the message, with its indexes",
        Storage.GRANT: "the grant",
        Storage.RECEIPT: "the receipt",
        Storage.COUNTED: "a count",
    }

    open_kinds = [
        (kind.header_type.value, kind.stream, kind.body.__name__, "yes" if kind.receipts else "no", kept[kind.storage])
        for kind in OPEN_KINDS.values()
    ]
    sealed_kinds = [
        (kind.header_type.value, "intel.<region>", kind.payload.__name__, "yes", kept[kind.storage])
        for kind in SEALED_KINDS
    ]

    assert in_manual == sorted([*open_kinds, *sealed_kinds])


@pytest.mark.parametrize("kind", SEALED_KINDS, ids=lambda kind: kind.name)
def test_a_payload_is_a_type_of_its_own_and_what_is_stored_can_be_found(kind: SealedKind) -> None:
    assert schema_files.current()[f"enlace.v1.{kind.payload.__name__}"]["payload"]
    assert (kind.search_terms is not None) == (kind.storage is Storage.MESSAGE)
    assert [row.payload for row in SEALED_KINDS].count(kind.payload) == 1


def test_header_and_labels_decide_the_kind() -> None:
    """Labels of another kind than the header's type leave the type's own row; step 16 then refuses them."""
    report, recall = row_named("REPORT"), row_named("RECALL")

    assert sealed_kind(MessageType.MESSAGE, LabelKind.ANSWER) is report
    assert sealed_kind(MessageType.MESSAGE, LabelKind.RECALL) is report
    assert sealed_kind(MessageType.RECALL, LabelKind.RECALL) is recall
    assert sealed_kind(MessageType.RECALL, LabelKind.REPORT) is recall


def test_of_two_kinds_with_one_header_type_the_first_is_taken_for_labels_of_neither(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    report, recall = SEALED_KINDS
    request = replace(report, name="REQUEST", label_kinds=(LabelKind.REQUEST,))
    monkeypatch.setattr(kinds, "SEALED_KINDS", (report, recall, request))

    assert sealed_kind(MessageType.MESSAGE, LabelKind.RECALL) is report


def test_a_stream_carries_an_open_kind_or_reports() -> None:
    assert all(is_stream(stream) for stream in (*MEMBER_STREAMS, "governance", "intel.caribbean"))
    assert not is_stream("secrets")


def test_a_payload_from_the_store_is_read_as_its_own_type() -> None:
    report = report_of()

    assert read_stored(codec.encode(report)) == report
    assert kind_of(report).name == "REPORT"
    with pytest.raises(codec.UnknownSchema):
        read_stored(codec.encode(Recall(reason="is not stored")))


async def test_a_further_kind_is_verified_and_stored_by_its_row_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A REQUEST with a payload of its own; the schema of Recall stands for the one that it would have."""
    text = "Who owns the vessel Mar Azul?"
    request_id = "6f1d0f2e-3a64-5c1b-9d0e-5b7a4c2e8f10"

    def terms(request: Recall) -> SearchTerms:
        nothing: frozenset[str] = frozenset()
        return SearchTerms(
            report_id=request_id, created_at=NOW, subjects=nothing, match_keys=frozenset(), text=request.reason
        )

    row = SealedKind(
        name="REQUEST",
        header_type=MessageType.MESSAGE,
        label_kinds=(LabelKind.REQUEST,),
        payload=Recall,
        storage=Storage.MESSAGE,
        search_terms=terms,
    )
    monkeypatch.setattr(kinds, "SEALED_KINDS", (row, *SEALED_KINDS))
    monkeypatch.setattr(kinds, "_BY_PAYLOAD", {kind.payload: kind for kind in (*SEALED_KINDS, row)})
    monkeypatch.setattr(kinds, "_STORED_PAYLOADS", (Recall, *kinds._STORED_PAYLOADS))
    labels: Labels = structs.replace(labels_of(report_of(), random_bytes(32)), kind=LabelKind.REQUEST)
    async with bed(tmp_path) as scene:
        await scene.read(scene.bz.message(scene.key, labels=labels, payload=codec.encode(Recall(reason=text))))
        await scene.read(scene.bz.message(scene.key))
        [found] = await scene.gt.store.read(lambda db: message_search.search(db, Query(texts=("Mar Azul",))))
        [shown] = await scene.gt.store.read(
            lambda db: message_search.by_id(db, report_id=request_id, message_id=UUID(int=0).bytes)
        )
        everything = await scene.gt.store.read(lambda db: message_search.search(db, Query()))

        assert await scene.quarantine() == []
        assert found.report == shown.report == Recall(reason=text)
        assert [type(message.report).__name__ for message in everything] == ["Recall", "IntelligenceReport"]


def test_nothing_else_in_verification_store_and_exchange_asks_for_the_type_of_a_message() -> None:
    """Sealing makes messages of a type, and `verify` and `note_receipts` name the bodies that they hand on."""
    folder = Path(kinds.__file__).parents[1]
    asking = {
        path.relative_to(folder).as_posix()
        for package in ("verification", "store", "exchange", "audit")
        for path in (folder / package).glob("*.py")
        if re.search(r"\b(is|in|==|case) \(?(MessageType|LabelKind)\.", path.read_text("utf-8"))
    }

    assert asking <= {"verification/kinds.py"}
