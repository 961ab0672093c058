"""Options that every command has, by the contract: they follow the command's name."""

import os
from pathlib import Path
from typing import Annotated

import typer

from node.errors import UsageError

HomeOption = Annotated[
    Path | None, typer.Option("--home", help="Folder of the node; or set ENLACE_HOME.", show_default=False)
]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON on stdout, logs as JSON lines on stderr.")]


def home_of(home: Path | None) -> Path:
    """The node's folder; UsageError if none was named or it holds no node."""
    named = home or (Path(os.environ["ENLACE_HOME"]) if os.environ.get("ENLACE_HOME") else None)
    if named is None:
        raise UsageError("home_missing", "no node was named", path="--home", hint="give --home DIR or set ENLACE_HOME")
    if not (named / "node.toml").is_file():
        raise UsageError(
            "home_invalid", f"{named} holds no node.toml", path="--home", hint="`enlace init` makes a home"
        )
    return named.resolve()
