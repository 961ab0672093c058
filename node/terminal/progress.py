"""A progress bar with rate and time left on stderr; nothing if stderr is not a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from node.errors import UsageError
from node.files import check_regular


@contextmanager
def bar(label: str, unit: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show how many of `total` are done; the function takes the number that are done so far."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        TextColumn(label),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:,.0f} " + unit + "/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(label, total=total, rate=0.0)
        yield lambda done: progress.update(task, completed=done, rate=progress.tasks[0].speed or 0.0)


@contextmanager
def rows_of(file: Path) -> Iterator[Callable[[int], None]]:
    """Progress over the rows of a file; their number is estimated by its lines, an upper limit."""
    try:
        check_regular(file)
        with file.open("rb") as data:
            total = sum(chunk.count(b"\n") for chunk in iter(lambda: data.read(1 << 20), b""))
    except (OSError, UsageError):
        total = None  # the import itself reports what is wrong with the file
    with bar("importing", "rows", total) as on_progress:
        yield on_progress
