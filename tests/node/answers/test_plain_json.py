"""How values of an answer become JSON: by their types."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from node.answers.plain_json import MessageId, TimeMs, presentable
from node.stages import Outcome
from schemas.formats import time_text

ID = UUID("8b8be73a-f678-5a5b-86a4-799c3959547f")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    """An answer inside an answer."""

    at: TimeMs


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One field of each form."""

    at: TimeMs
    until: TimeMs | None = None
    message_id: MessageId | None = None
    created_at: int = 7
    hash: bytes = b""
    from_: str = ""
    outcome: Outcome = Outcome.STORED
    file: Path = Path("a/b")
    inner: tuple[Inner, ...] = ()
    counts: dict[str, int] | None = None


@pytest.mark.parametrize("ms", [1_767_312_000_000, 1_767_312_000_001])
def test_a_time_is_written_as_inside_a_report(ms: int) -> None:
    """A full second too: texts of the same time are equal."""
    assert presentable(Answer(at=ms))["at"] == time_text(ms)
    assert presentable(Answer(at=ms, until=ms))["until"] == time_text(ms)


@pytest.mark.parametrize(
    ("field", "value", "key", "expected"),
    [
        ("until", None, "until", None),
        ("message_id", ID.bytes, "message_id", str(ID)),
        ("message_id", None, "message_id", None),
        ("created_at", 1_767_312_000_000, "created_at", 1_767_312_000_000),
        ("hash", b"\x00\xff", "hash", "AP8="),
        ("from_", "BZ", "from", "BZ"),
        ("outcome", Outcome.REJECTED, "outcome", "rejected"),
        ("file", Path("c"), "file", "c"),
        ("counts", {"stored": 1}, "counts", {"stored": 1}),
    ],
)
def test_the_form_of_a_value_follows_from_its_type_and_not_from_its_name(
    field: str, value: Any, key: str, expected: object
) -> None:
    assert presentable(Answer(at=0, **{field: value}))[key] == expected


def test_answers_inside_an_answer_are_written_too() -> None:
    assert presentable(Answer(at=0, inner=(Inner(at=1000),)))["inner"] == [{"at": "1970-01-01T00:00:01Z"}]


def test_keys_are_in_the_order_of_the_fields() -> None:
    assert list(presentable(Answer(at=0)))[:4] == ["at", "until", "message_id", "created_at"]


def test_a_value_without_a_form_is_a_bug() -> None:
    with pytest.raises(TypeError):
        presentable(object())
