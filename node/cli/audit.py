"""Commands of the auditor: audit replay. It needs documents and a log, no home and no private key."""

import asyncio
import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.options import HomeOption, JsonOption, home_of
from node.cli.output import Output
from node.cli.setup import DocumentsOption, hash_of
from node.errors import UsageError

if TYPE_CHECKING:
    from node.audit.findings import Replayed
    from node.audit.replay import Asked
    from node.trust.governance import Governance
    from schemas.types import BusSection

audit_app = typer.Typer(help="Recompute what nodes claim.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(audit_app, name="audit")


@audit_app.command()
def replay(
    bus: Annotated[
        str | None, typer.Option(help="sqlite:///FILE or kafka://HOST:PORT,…; the home's without it.")
    ] = None,
    documents: DocumentsOption = None,
    community: Annotated[
        str | None, typer.Option(help="Base64 hash of the first ROOT; the only one in the folder without it.")
    ] = None,
    stream: Annotated[str | None, typer.Option(help="Only this stream, or this topic.")] = None,
    start: Annotated[int, typer.Option("--from", min=0, help="First position of each stream.")] = 0,
    until: Annotated[int | None, typer.Option(min=0, help="Read only what lies before this position.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Verify every record of a log and the chains that they make; ends with 1 if there is a finding."""
    from node.audit.replay import Asked

    if until is not None and until <= start:
        raise UsageError(
            "usage", "--until is not above --from", path="--until", hint="it is the position after the last"
        )
    sources = _sources(bus, documents, community, home)
    replayed = _replayed(sources, Asked(stream=stream, start=start, until=until))
    Output(json=json).object(replayed.answer())
    return 1 if replayed.findings else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sources:
    """Where records and documents come from."""

    bus: "BusSection"
    bus_folder: Path
    """What a relative file in `bus` belongs to."""

    documents: Path
    community: bytes | None


def _sources(bus: str | None, documents: Path | None, community: str | None, home: Path | None) -> _Sources:
    """What the options name, and the home for the rest."""
    from node.runtime import config

    if bus is not None and documents is not None:
        section = config.bus_variables(bus)
        return _Sources(bus=section, bus_folder=Path(), documents=documents, community=hash_of(community))
    if home is None and not os.environ.get("ENLACE_HOME"):
        path = "--bus" if bus is None else "--documents"
        hint = "give --bus URL and --documents DOCUMENTS_FOLDER, or a node's --home DIR for both"
        raise UsageError("home_missing", "no log or no documents were named", path=path, hint=hint)
    from node.trust.document_files import DOCUMENTS_FOLDER

    named = home_of(home)
    settings = config.load(named)
    return _Sources(
        bus=settings.bus if bus is None else config.bus_variables(bus),
        bus_folder=named if bus is None else Path(),
        documents=documents or named / DOCUMENTS_FOLDER,
        community=hash_of(community) or (settings.node.community if documents is None else None),
    )


def _replayed(sources: _Sources, asked: "Asked") -> "Replayed":
    from node.runtime.installed_documents import log_problems
    from node.trust.document_files import read_folder

    if not sources.documents.is_dir():
        raise UsageError("root_missing", f"{sources.documents} is no folder of documents", path="--documents")
    folder = read_folder(sources.documents, sources.community)
    log_problems(folder)
    with TemporaryDirectory(prefix="enlace-audit-") as scratch:
        return asyncio.run(_replay(sources, folder.governance, asked, Path(scratch)))


async def _replay(sources: _Sources, governance: "Governance", asked: "Asked", scratch: Path) -> "Replayed":
    from node.audit.replay import replay as replay_log
    from node.cli.progress import bar
    from node.runtime.bus import opened_bus, protection_of

    protection = protection_of(sources.bus, sources.bus_folder)
    log = opened_bus(sources.bus.url, sources.bus_folder, protection, path="bus")
    try:
        return await replay_log(log, governance, asked, scratch=scratch, progress=partial(bar, "replaying", "records"))
    finally:
        await log.close()
