"""Commands of the quarantine: quarantine list, show and retry."""

from pathlib import Path
from typing import Annotated

import typer

from node.cli.help_text import Reader, add_command, add_group, group
from node.cli.on_store import on_store
from node.cli.options import HomeOption, JsonOption, open_named_home
from node.cli.output import Output
from node.errors import UsageError

quarantine_app = group("Records that failed a step of the verification.")


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    add_group(app, quarantine_app, "quarantine", Reader.OPERATOR)
    add_command(quarantine_app, list_quarantine, "list")
    add_command(quarantine_app, show_quarantine, "show")
    add_command(quarantine_app, retry_quarantine, "retry")


def list_quarantine(home: HomeOption = None, json: JsonOption = False) -> int:
    """List the records in quarantine, with the code and the step that they failed.

    Example:

        enlace quarantine list --home gt

    Exit codes: 0 done; 2 usage or configuration; 4 the store is unavailable, try again.
    """
    from node.commands.quarantine import list_quarantine as list_stored

    Output(json=json).items(on_store(open_named_home(home), list_stored))
    return 0


def show_quarantine(
    id_: Annotated[str, typer.Argument(metavar="ID", help="As `quarantine list` shows it.")],
    raw: Annotated[Path | None, typer.Option(help="Write the record's bytes to this new file.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Show one record in quarantine: why it failed, and what to do about it.

    Example:

        enlace quarantine show 6b1f0f5e-3b0b-5d0a-9f3e-0f4f6a1c2d3e --raw record.bin --home gt

    Exit codes: 0 done; 1 there is no such record; 2 usage or configuration; 4 the store is unavailable, try again.
    """
    from node.commands.quarantine import show_quarantined
    from node.files import write_file

    if raw is not None and not raw.parent.is_dir():
        raise UsageError("file_unwritable", f"{raw.parent} is not a folder", path="--raw")
    shown, value = on_store(open_named_home(home), lambda store: show_quarantined(store, id_))
    if raw is not None:
        write_file(raw, value, mode=0o600)
    Output(json=json).object(shown)
    return 0


def retry_quarantine(
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID…", help="As `quarantine list` shows them.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every record in quarantine.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Verify records in quarantine again; a record that passes now is stored in its place.

    Use it after an upgrade, or after a document was installed that lists a key.

    Example:

        enlace quarantine retry --all --home gt

    Exit codes: 0 every record passed; 1 at least one stays in quarantine, or there is no such record; 2 usage or
    configuration; 4 the store is unavailable, try again.
    """
    from node.commands.quarantine import retry_quarantine as retry_stored
    from node.stages import Outcome

    if every == bool(ids):
        raise UsageError("usage", "name records, or all of them", path="ID", hint="give ids, or --all for every record")
    opened = open_named_home(home)
    done = on_store(opened, lambda store: retry_stored(opened, store, None if every else ids))
    Output(json=json).items(done)
    return int(any(record.outcome == Outcome.REJECTED for record in done))
