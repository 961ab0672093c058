"""A frame of the live view: rates between two looks, lines that fit the screen, and no text that moves the cursor."""

import unicodedata
from dataclasses import replace
from typing import Any

import pytest
from rich.cells import cell_len

from node.health.problem import Problem
from node.health.status import NodeStatus
from node.health.stream_states import StreamStatus
from node.metrics.figures import Figures
from node.metrics.store_figures import StoreFigures
from node.outgoing.oldest_unsettled import OldestUnsettled
from node.store.outbox import OutboxCounts
from node.tallies import Tallies
from node.top.frame import clean, frame
from node.top.overview import overview

NOW = 1_790_000_000_000
HOSTILE = "\x1b[2J\x1b]0;owned\x07 line\nbreak \u202e\u2066 \x00 [red]markup[/red]"


def figures(at: int = NOW, *, position: int = 0, lag: int | None = 0, streams: int = 1, **changes: Any) -> Figures:
    """The figures of a node that has read so far."""
    store = StoreFigures(
        tallies=Tallies(published=position, received={("stored", ""): position, ("rejected", "x"): 1}, times={}),
        sealed={"intel.caribbean": position},
        oldest=OldestUnsettled(accepted=None, sealed=at - 5000, sent=at - 9000),
        pending={"waiting": 1, "held": 0},
        oldest_pending={"waiting": at, "held": None},
        quarantine={"framing_invalid": 2},
        size=5_000_000,
    )
    rows = tuple(
        StreamStatus(
            stream=f"intel.r{number}",
            originator="GT",
            topic=f"intel.r{number}.gt",
            position=position + number,
            end=None,
            lag=lag,
            sequence=0,
        )
        for number in range(streams)
    )
    status = NodeStatus(
        node="BZ",
        running=True,
        bus="available",
        outbox=OutboxCounts(accepted=1, sealed=2, sent=3),
        streams=rows,
        counts={"stored": 7},
        findings=(),
    )
    return Figures(
        at=at, status=replace(status, **changes), store=store, ends={"root": 90 * 86400.0, "node": -5}, free={"home": 9}
    )


def text(look: Figures, before: Figures | None = None, *, width: int = 80, height: int | None = 24) -> list[str]:
    return [line.plain for line in frame(overview(look, before), width=width, height=height, note="q ends")]


def test_rates_are_those_between_two_looks() -> None:
    seen = overview(figures(NOW + 2000, position=30), figures(NOW, position=10))

    assert (seen.published_per_second, seen.sealed_per_second) == (10, 10)
    assert {row.outcome: row.per_second for row in seen.outcomes}["stored"] == 10
    assert seen.streams[0].per_second == 10
    assert seen.oldest_seconds == 9


@pytest.mark.parametrize("before", [None, figures(NOW, position=10), figures(NOW + 5000, position=10)])
def test_without_time_between_two_looks_there_is_no_rate(before: Figures | None) -> None:
    """The first look, and a clock that stands or goes back."""
    seen = overview(figures(NOW, position=30), before)

    assert seen.published_per_second is None
    assert seen.streams[0].per_second is None


def test_the_streams_that_are_furthest_behind_come_first() -> None:
    look = figures(streams=3)
    rows = tuple(replace(row, lag=lag) for row, lag in zip(look.status.streams, (0, 9, None), strict=True))
    seen = overview(replace(look, status=replace(look.status, streams=rows)), None)

    assert [row.stream for row in seen.streams] == ["intel.r1", "intel.r2", "intel.r0"]


@pytest.mark.parametrize(("width", "height"), [(80, 24), (20, 5), (40, 12), (200, 60), (1, 1)])
@pytest.mark.parametrize("count", [0, 3, 300])
def test_a_frame_fits_the_screen(width: int, height: int, count: int) -> None:
    """However many streams and problems there are, and however long and wide their texts."""
    problem = Problem(code="stream_stalled", since=None, subject="t", message="密輸" * 100, hint=None)
    lines = text(figures(streams=count, position=1, problems=(problem,) * count), width=width, height=height)

    assert len(lines) <= height
    assert all(cell_len(line) <= width for line in lines)


def test_what_does_not_fit_is_counted() -> None:
    problem = Problem(code="stream_stalled", since=None, subject="t", message="m", hint=None)
    lines = text(figures(streams=300, position=1, problems=(problem,) * 300))

    assert any("more streams" in line for line in lines)
    assert any("more problems" in line for line in lines)
    assert lines[-1] == "q ends"


def test_no_text_moves_the_cursor_or_changes_the_colours() -> None:
    problem = Problem(code="c", since=None, subject=HOSTILE, message=HOSTILE, hint=None)
    look = figures(bus=HOSTILE, node=HOSTILE, problems=(problem,))
    lines = text(replace(look, store=replace(look.store, quarantine={HOSTILE: 1})), width=400)

    assert all(unicodedata.category(char)[0] != "C" for line in lines for char in line)
    assert any("[red]markup[/red]" in line for line in lines)


@pytest.mark.parametrize(("raw", "shown"), [("a b", "a b"), ("a\nb", "a\ufffdb"), ("\u202ex", "\ufffdx"), ("ñ", "ñ")])
def test_a_character_that_does_not_print_is_replaced(raw: str, shown: str) -> None:
    assert clean(raw) == shown


def test_the_head_shows_state_outbox_quarantine_and_what_ends() -> None:
    lines = "\n".join(text(figures(running=False, bus="the log is away")))

    for part in (
        "daemon DOWN",
        "the log is away",
        "sealed 2",
        "framing_invalid 2",
        "root 90 d",
        "node ended",
        "4.8 MiB",
    ):
        assert part in lines
