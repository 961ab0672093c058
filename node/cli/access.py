"""Commands of data-protection officers: access list, access verify."""

import asyncio
import tempfile
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.terminal.help_text import Reader, add_command, add_group, group
from node.terminal.options import HomeOption, JsonOption, open_named_home
from node.terminal.output import Output

if TYPE_CHECKING:
    from node.access.kept_heads import KeptHead
    from node.access.verification_answer import LogVerification
    from node.runtime.home import Home
    from node.store.access_log import EntryFilter

access_app = group("Read who used the node, when, and why.")


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    add_group(app, access_app, "access", Reader.AUDITOR)
    add_command(access_app, list_access, "list")
    add_command(access_app, verify_access, "verify")


def list_access(
    since: Annotated[str | None, typer.Option(help="Entries at or after this time, RFC 3339.")] = None,
    until: Annotated[str | None, typer.Option(help="Entries before this time, RFC 3339.")] = None,
    actor: Annotated[
        str | None, typer.Option(help="Entries of this user or token: its name, or the whole text.")
    ] = None,
    subject: Annotated[str | None, typer.Option(help="Entries about this report or message id.")] = None,
    operation: Annotated[
        str | None, typer.Option(help="COLLECTION, CONSULTATION, DISCLOSURE or ERASURE.", show_default=False)
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="How many at most.")] = None,
    after: Annotated[str | None, typer.Option(metavar="ID", help="The last id of the answer before.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """List the entries of the access log: who did what with which report, when, and why.

    Example:

        enlace access list --since 2026-11-01 --actor ana --home gt

    Exit codes: 0 done, also if there is no entry; 2 usage or configuration; 4 the store is unavailable, try again.
    """
    from node.access.entries import entry_id_of, filter_of

    opened, output = open_named_home(home), Output(json=json)
    wanted = filter_of(since=since, until=until, actor=actor, subject=subject, operation=operation)
    if not asyncio.run(_list(opened, output, wanted, entry_id_of(after), limit)):
        output.nothing()
    return 0


async def _list(home: "Home", output: Output, wanted: "EntryFilter", first: int, limit: int | None) -> bool:
    """Write the entries; returns whether there is one."""
    from node.access.entries import list_entries
    from node.runtime.open_store import open_store

    found = False
    listing = open_store(home, existing=True)
    async with (
        listing as store,
        aclosing(list_entries(store, wanted=wanted, after=first, limit=limit)) as entries,
    ):
        async for entry in entries:
            found = True
            output.item(entry)
    return found


def verify_access(
    head: Annotated[
        Path | None,
        typer.Option(help="A head that was kept: an answer of this command, or lines of the file of heads."),
    ] = None,
    backup: Annotated[Path | None, typer.Option(help="Verify the log in this backup instead of the home's.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Verify that the access log is as it was written: nothing edited, deleted, inserted, reordered or cut.

    Follows the hash chain, and compares the heads that the node signed, and with --head those that an auditor
    kept. It only reads; the daemon may run. Keep the answer as the head for the next time.

    Example:

        enlace access verify --json --home gt

    Exit codes: 0 no finding; 1 at least one finding; 2 usage or configuration; 4 the store is unavailable, try again.
    """
    from node.access.kept_heads import read_kept_heads

    kept = read_kept_heads(head) if head is not None else []
    answer = _verify_backup(backup, kept) if backup is not None else _verify(open_named_home(home), None, kept)
    Output(json=json).object(answer)
    return 1 if answer.findings else 0


def _verify_backup(file: Path, kept: "list[KeptHead]") -> "LogVerification":
    """Verify the store in a backup, in a temporary folder."""
    from node.runtime.home import open_home
    from node.upkeep import archive

    with tempfile.TemporaryDirectory(prefix="enlace-access-") as made:
        folder = Path(made)
        archive.unpack(file, folder)
        return _verify(open_home(folder), f"sqlite:///{folder / archive.STORE}", kept)


def _verify(home: "Home", url: str | None, kept: "list[KeptHead]") -> "LogVerification":
    """Verify the store of a home, or the one at `url`."""
    from node.access.verify_log import Verification
    from node.access_chain.head_file import HEADS_FILE
    from node.database.engine import Store
    from node.runtime.open_store import open_store

    governance = home.documents().governance

    async def verify(store: Store) -> "LogVerification":
        file = home.path / HEADS_FILE
        return await Verification(store=store, node=home.node, governance=governance, file=file).run(kept)

    async def serve() -> "LogVerification":
        if url is None:
            async with open_store(home, existing=True) as store:
                return await verify(store)
        store = await Store.open(url, existing=True)
        try:
            return await verify(store)
        finally:
            await store.close()

    return asyncio.run(serve())
