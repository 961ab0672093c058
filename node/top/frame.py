"""Draws one frame of the live view as lines that fit a screen. Pure.

Texts come from other nodes, from files and from the system: what does not print is replaced, so that no text moves the
cursor or changes the colours.
"""

from collections.abc import Iterator
from typing import Final

from rich.text import Text

from node.top.overview import Overview, StreamRow
from node.trust.document_versions import document_time_text

PROBLEMS_SHARE: Final = 3
"""Problems may take a third of the screen; streams have the rest."""

DAY_SECONDS: Final = 86_400
_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB")


def frame(seen: Overview, *, width: int, height: int | None, note: str = "") -> list[Text]:
    """The lines of a frame; `height` None: as many as there are. `note` is the last line."""
    width = max(1, width)
    head = list(_head(seen))
    problems = list(_problems(seen))
    streams = [_stream_row(row) for row in seen.streams if row.lag or row.position]
    if height is not None:
        room = max(0, height - len(head) - 3)  # the headings of both tables, and the note
        problems = _cut(problems, max(room // PROBLEMS_SHARE, room - len(streams)), "problems")
        streams = _cut(streams, room - len(problems), "streams")
    titles = Text(f"{'STREAM':32} {'FROM':>8} {'LAG':>10} {'READ/S':>10} {'POSITION':>12}", "bold")
    lines = [*head, Text(f"PROBLEMS {len(seen.problems)}", "bold"), *problems, titles, *streams, Text(note, "dim")]
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return lines if height is None else lines[:height]


def _head(seen: Overview) -> Iterator[Text]:
    title = Text.assemble((f"Enlace {clean(seen.node)}", "bold"), "   daemon ")
    title.append("runs" if seen.running else "DOWN", "green" if seen.running else "bold red")
    title.append("   log ")
    available = seen.bus == "available"
    title.append(clean(seen.bus), "green" if available else "bold red")
    title.append(f"   {document_time_text(seen.at)}", "dim")
    yield title
    outbox = seen.outbox
    waits = f"accepted {outbox.accepted}   sealed {outbox.sealed}   sent {outbox.sent}"
    yield _row("outbox", f"{waits}   oldest {_duration(seen.oldest_seconds)}")
    sent = f"published {seen.published} {_rate(seen.published_per_second)}"
    yield _row("sending", f"{sent}   sealed {seen.sealed} {_rate(seen.sealed_per_second)}")
    used = [row for row in seen.outcomes if row.total] or list(seen.outcomes[:1])
    yield _row("received", "   ".join(f"{clean(row.outcome)} {row.total} {_rate(row.per_second)}" for row in used))
    yield _row("pending", "   ".join(f"{clean(name)} {number}" for name, number in seen.pending.items()))
    codes = "   ".join(f"{clean(code)} {number}" for code, number in sorted(seen.quarantine.items()))
    yield _row("quarantine", codes or "empty", "" if not codes else "yellow")
    yield _row("store", f"{seen.messages} messages   {_size(seen.store_bytes)}   free {_size(seen.free_bytes)}")
    soonest = "   ".join(f"{clean(end.kind)} {_duration(end.seconds)}" for end in seen.ends[:3])
    yield _row("ends in", soonest or "-")


def _row(name: str, text: str, style: str = "") -> Text:
    return Text.assemble((f"{name:11}", "cyan"), (text, style))


def _problems(seen: Overview) -> Iterator[Text]:
    for problem in seen.problems:
        yield Text.assemble(
            (clean(problem.code), "bold yellow"), f"  {clean(problem.subject)}: {clean(problem.message)}"
        )


def _stream_row(row: StreamRow) -> Text:
    lag = "?" if row.lag is None else str(row.lag)
    speed = "-" if row.per_second is None else f"{row.per_second:.1f}"
    text = f"{clean(row.stream):32} {clean(row.originator):>8} {lag:>10} {speed:>10} {row.position:>12}"
    return Text(text, "yellow" if row.lag else "")


def _cut(lines: list[Text], room: int, what: str) -> list[Text]:
    if len(lines) <= room:
        return lines
    if room <= 0:
        return []
    return [*lines[: room - 1], Text(f"... and {len(lines) - room + 1} more {what}", "dim")]


def clean(text: str) -> str:
    """One line of printable characters."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _rate(per_second: float | None) -> str:
    return "" if per_second is None else f"({per_second:.1f}/s)"


def _duration(seconds: float) -> str:
    if seconds < 0:
        return "ended"
    if seconds >= DAY_SECONDS:
        return f"{seconds / DAY_SECONDS:.0f} d"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


def _size(size: int) -> str:
    value, unit = float(size), 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.0f} {_UNITS[unit]}" if unit == 0 else f"{value:.1f} {_UNITS[unit]}"
