"""Commands about Enlace itself: version and explain."""

from typing import Annotated

import typer

from node.terminal.help_text import Reader, add_command
from node.terminal.options import JsonOption
from node.terminal.output import Output


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    add_command(app, version, "version", Reader.EVERYBODY)
    add_command(app, explain, "explain", Reader.EVERYBODY)


def version(json: JsonOption = False) -> int:
    """Show the versions of Enlace, Python, SQLite and the wire format, and the git commit if it is known.

    `enlace --version` does the same.

    Example:

        enlace version --json

    Exit codes: 0 done.
    """
    from node.commands.version import version as installed_version

    Output(json=json).object(installed_version())
    return 0


def explain(
    code: Annotated[str, typer.Argument(metavar="CODE", help="A code of an error, a rejection or a finding.")],
    json: JsonOption = False,
) -> int:
    """Explain a code: what it means and what to do about it.

    The entries are those of docs/errors.md. A code that several sections list has several entries.

    Example:

        enlace explain chain_gap

    Exit codes: 0 done; 2 there is no such code, and the hint names the nearest one.
    """
    from node.answers.error_catalogue import explain as explain_code

    output = Output(json=json)
    for entry in explain_code(code):
        output.item(entry)
    return 0
