"""Commands of the quarantine: quarantine list, summary, show, retry and purge."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.searching import LIMIT_MAX
from node.errors import Refused, UsageError
from node.terminal.help_text import Reader, add_command, add_group, group
from node.terminal.on_store import on_store
from node.terminal.options import HomeOption, JsonOption, open_named_home
from node.terminal.output import Output
from node.terminal.user import login

if TYPE_CHECKING:
    from node.runtime.home import Home
    from node.undecided.quarantine_filter import Filter

quarantine_app = group("Records that failed a step of the verification.")


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    add_group(app, quarantine_app, "quarantine", Reader.OPERATOR)
    add_command(quarantine_app, list_quarantine, "list")
    add_command(quarantine_app, summarise_quarantine, "summary")
    add_command(quarantine_app, show_quarantine, "show")
    add_command(quarantine_app, retry_quarantine, "retry")
    add_command(quarantine_app, purge_quarantine, "purge")


CodeOption = Annotated[str | None, typer.Option(help="Only records with this code.")]
OriginatorOption = Annotated[str | None, typer.Option(help="Only records in the topics of this originator.")]
StreamOption = Annotated[str | None, typer.Option(help="Only records of this stream.")]
LINES_FOR_A_PERSON = 100


def _filter(code: str | None, originator: str | None, stream: str | None) -> "Filter":
    from node.undecided.quarantine_filter import Filter

    return Filter(code=code, originator=None if originator is None else originator.upper(), stream=stream)


def _refuse_unknown(home: "Home", wanted: "Filter") -> None:
    from node.answers.known_values import refuse_unknown

    refuse_unknown(home, code=wanted.code, originator=wanted.originator, stream=wanted.stream)


def list_quarantine(
    code: CodeOption = None,
    originator: OriginatorOption = None,
    stream: StreamOption = None,
    limit: Annotated[int | None, typer.Option(min=1, max=LIMIT_MAX, help="How many at most.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """List the records in quarantine, with the code and the step that they failed.

    `originator` is the node in whose topic a record was found. `authenticated` says whether a key of that node signed
    it. Without --json and --limit, the first hundred are listed.

    Example:

        enlace quarantine list --code equivocation --home gt

    Exit codes: 0 done; 2 usage or configuration; 4 the store is unavailable, try again.
    """
    from node.commands.quarantine import list_quarantine as list_stored

    wanted = _filter(code, originator, stream)
    most = limit if limit is not None or json else LINES_FOR_A_PERSON + 1
    opened = open_named_home(home)
    found = on_store(opened, lambda store: list_stored(store, wanted, limit=most))
    if not found:
        _refuse_unknown(opened, wanted)
    output = Output(json=json)
    if limit is None and not json and len(found) > LINES_FOR_A_PERSON:
        output.items(found[:LINES_FOR_A_PERSON])
        output.nothing("There are more: `enlace quarantine summary` counts them, and filters or --limit choose.")
    else:
        output.items(found)
    return 0


def summarise_quarantine(
    code: CodeOption = None,
    originator: OriginatorOption = None,
    stream: StreamOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Count the records in quarantine by code and originator.

    Example:

        enlace quarantine summary --home gt

    Exit codes: 0 done; 2 usage or configuration; 4 the store is unavailable, try again.
    """
    from node.commands.quarantine import summarise_quarantine as summarise_stored

    wanted, opened = _filter(code, originator, stream), open_named_home(home)
    found = on_store(opened, lambda store: summarise_stored(store, wanted))
    if not found:
        _refuse_unknown(opened, wanted)
    Output(json=json).items(found)
    return 0


def purge_quarantine(
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID…", help="As `quarantine list` shows them.")] = None,
    code: CodeOption = None,
    originator: OriginatorOption = None,
    stream: StreamOption = None,
    before: Annotated[str | None, typer.Option(help="Only records received before this time, RFC 3339.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every record in quarantine.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Delete the bytes of records in quarantine. Their codes, positions and digests stay as evidence.

    Example:

        enlace quarantine purge --code framing_invalid --home gt

    Exit codes: 0 done; 2 usage or configuration; 4 the store is unavailable, try again.
    """
    from node.commands.quarantine import purge_quarantine as purge_stored

    wanted = _filter(code, originator, stream)
    if not (ids or code or originator or stream or before or every):
        hint = "give ids, a filter, or --all for every record"
        raise UsageError("usage", "name the records to purge", path="ID", hint=hint)
    opened = open_named_home(home)
    done = on_store(opened, lambda store: purge_stored(store, wanted, ids=ids or None, before=before, actor=login()))
    if not done.records:
        _refuse_unknown(opened, wanted)
    Output(json=json).object(done)
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
    shown, value = on_store(
        open_named_home(home), lambda store: show_quarantined(store, id_, actor=login(), raw=raw is not None)
    )
    if raw is not None and shown.purged:
        hint = "read it again from the log while the log has it: `enlace reread`"
        raise Refused("record_purged", "the bytes of this record were deleted", path="ID", hint=hint)
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
