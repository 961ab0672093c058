"""Commands that help with mappings: `mapping check` and `mapping new`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.help_text import Reader, add_command, add_group, group
from node.cli.options import HomeOption, JsonOption, named_home, open_named_home
from node.cli.output import Output

if TYPE_CHECKING:
    from broker.topology import Topology

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="CSV, a JSON array, NDJSON or XLSX.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    commands = group("Help with the mappings of `import`: check one, or draft one for a file.")
    add_command(commands, check, "check")
    add_command(commands, new, "new")
    add_group(app, commands, "mapping", Reader.INTEGRATOR)


def check(
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


def new(file: FileArgument, home: HomeOption = None, json: JsonOption = False) -> int:
    """Draft a mapping for a file: what can be guessed, and FILL_IN where a person must decide.

    Example:

        enlace mapping new rows.csv > mapping.toml

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
