"""Commands of the integrator: publish, import, mapping check and mapping new."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.hand_in import by_gateway, by_home
from node.terminal.help_text import Reader, add_command, add_group, group
from node.terminal.options import (
    CaFileOption,
    GatewayOption,
    HomeOption,
    JsonOption,
    TokenFileOption,
    named_gateway,
    named_home,
    open_named_home,
)
from node.terminal.output import Output
from node.terminal.report_input import item_batches
from node.terminal.user import login

if TYPE_CHECKING:
    from broker.topology import Topology
    from node.commands.import_file import ImportAnswer

RowsArgument = Annotated[Path, typer.Argument(metavar="FILE", help="CSV, a JSON array, NDJSON or XLSX.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Answer as usual, and write nothing.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    add_command(app, publish, "publish", Reader.INTEGRATOR)
    add_command(app, import_, "import", Reader.INTEGRATOR)
    mappings = group("Help with the mappings of `import`: check one, or draft one for a file.")
    add_command(mappings, check_mapping, "check")
    add_command(mappings, new_mapping, "new")
    add_group(app, mappings, "mapping", Reader.INTEGRATOR)


def publish(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="One JSON report, or NDJSON; - for stdin.")],
    dry_run: DryRun = False,
    gateway: GatewayOption = None,
    token_file: TokenFileOption = None,
    ca_file: CaFileOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Hand in reports; each one is answered when it is safe in the outbox.

    A report that is not valid is refused with the errors of its fields, and the next one goes on. A line from stdin
    is answered when it comes. The daemon sends accepted reports; it need not run meanwhile.

    Example:

        enlace publish report.json --home bz

    Exit codes: 0 every report is accepted or duplicate; 1 at least one is refused; 2 usage or configuration; 4 the
    store is unavailable, try again.
    """
    address = named_gateway(home, gateway, token_file, ca_file)
    hand_in = by_home(open_named_home(home), dry_run) if address is None else by_gateway(address, dry_run)
    output, refused = Output(json=json), False
    with hand_in as answers_of:
        for items in item_batches(file):
            for answer in answers_of(items):
                refused |= answer["outcome"] == "refused"
                output.item(answer)
    return 1 if refused else 0


def import_(
    mapping: Annotated[Path, typer.Argument(metavar="MAPPING", help="TOML that maps columns to fields of reports.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, a JSON array, NDJSON or XLSX.")],
    report: Annotated[Path | None, typer.Option(help="Write one line for each row to this file, NDJSON.")] = None,
    dry_run: DryRun = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Import the rows of another system through a mapping, and count the outcomes.

    Rows that were imported before are duplicate, so the same file can be imported again.

    Example:

        enlace import mapping.toml rows.csv --report rows.ndjson --home bz

    Exit codes: 0 no row is refused; 1 at least one row is refused; 2 usage, configuration or mapping; 4 the store is
    unavailable, try again.
    """
    from node.commands.import_file import import_file
    from node.runtime.open_intake import open_intake
    from node.terminal.progress import rows_of

    opened = open_named_home(home)

    async def serve() -> "ImportAnswer":
        with rows_of(file) as on_progress:
            async with open_intake(opened) as intake:
                return await import_file(
                    intake, mapping, file, actor=login(), report=report, dry_run=dry_run, on_progress=on_progress
                )

    answer = asyncio.run(serve())
    Output(json=json).object(answer)
    return 1 if answer.refused else 0


def check_mapping(
    mapping: Annotated[Path, typer.Argument(metavar="MAPPING", help="TOML that maps columns to fields of reports.")],
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="Show its first rows as reports.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """List everything that is wrong with a mapping, explain it, and show the first rows of a file as reports.

    Writes nothing. It needs no home; with one, rows are shown as reports of its node.

    Example:

        enlace mapping check mapping.toml rows.csv

    Exit codes: 0 nothing is wrong; 1 a problem, or one of the first rows would be refused; 2 usage.
    """
    from node.commands import mapping as service

    node, topology, now_ms = _setting(home)
    answer = service.check(mapping, file, node=node, topology=topology, now_ms=now_ms)
    Output(json=json).object(answer)
    return 0 if answer.is_sound else 1


def new_mapping(file: RowsArgument, home: HomeOption = None, json: JsonOption = False) -> int:
    """Draft a mapping for a file: what can be guessed, and FILL_IN where a person must decide.

    Example:

        enlace mapping new rows.csv

    Exit codes: 0 drafted; 2 usage, or the file cannot be read.
    """
    from node.commands import mapping as service

    node, topology, now_ms = _setting(home)
    answer = service.new(file, node=node, topology=topology, now_ms=now_ms)
    if json:
        Output(json=True).object(answer)
    else:
        sys.stdout.write(answer.mapping)
    return 0


def _setting(home: Path | None) -> "tuple[str, Topology, int]":
    """The node and the topology of the home; without a home, the first member of the default topology."""
    from broker.topology import default
    from node.clock import now_ms

    if named_home(home) is not None:
        opened = open_named_home(home)
        return opened.node, opened.topology, now_ms()
    topology = default()
    return topology.regions[0].members[0], topology, now_ms()
