"""Commands of the integrator: publish and import."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from node.cli.options import HomeOption, JsonOption, home_of
from node.cli.output import Output
from node.errors import UsageError

STDIN = "-"
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and write nothing.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(publish)
    app.command("import")(import_)


def publish(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="One JSON report, or NDJSON; - for stdin.")],
    dry_run: DryRun = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Hand in reports; each is answered when it is safe in the outbox."""
    from node.commands.publish import publish as hand_in
    from node.runtime.home import open_home

    opened = open_home(home_of(home))
    data = sys.stdin.buffer.read() if file == STDIN else _read(Path(file))
    output = Output(json=json)

    async def serve() -> bool:
        refused = False
        async for answer in hand_in(opened, data, dry_run=dry_run):
            refused |= answer["outcome"] == "refused"
            output.item(answer)
        return refused

    return 1 if asyncio.run(serve()) else 0


def import_(
    mapping: Annotated[Path, typer.Argument(metavar="MAPPING", help="TOML that says how rows become reports.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, a JSON array or NDJSON.")],
    report: Annotated[Path | None, typer.Option(help="Write one line for each row to this file, NDJSON.")] = None,
    dry_run: DryRun = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Import rows of another system through a mapping."""
    from node.cli.progress import rows_of
    from node.commands.publish import import_file
    from node.runtime.home import open_home

    opened = open_home(home_of(home))
    with rows_of(file) as on_progress:
        answer: dict[str, Any] = asyncio.run(
            import_file(opened, mapping, file, report=report, dry_run=dry_run, on_progress=on_progress)
        )
    Output(json=json).object(answer)
    return 1 if answer["refused"] else 0


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError("file_unreadable", f"{path}: {error.strerror}", path="FILE") from None
