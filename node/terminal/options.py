"""Options that several commands have. By the contract, options follow the name of the command."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.errors import UsageError
from node.remote.gateway_address import GatewayAddress

if TYPE_CHECKING:
    from node.runtime.home import Home

HomeOption = Annotated[
    Path | None, typer.Option("--home", help="Folder of the node; or set ENLACE_HOME.", show_default=False)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON to stdout, and logs as JSON lines to stderr.")]
PurposeOption = Annotated[
    str | None, typer.Option("--purpose", metavar="CODE", help="Code of a purpose, for the access log.")
]
ReasonOption = Annotated[
    str | None, typer.Option("--reason", metavar="TEXT", help="Why you ask, in words, for the access log.")
]
ExpiredOption = Annotated[
    bool,
    typer.Option(
        "--include-expired",
        help="Also what expired and is not erased yet: for a data-protection officer. Needs purpose and reason.",
    ),
]
GatewayOption = Annotated[
    str | None,
    typer.Option(
        "--gateway",
        metavar="URL|unix:PATH",
        help="Gateway of a node, instead of its home; or set ENLACE_GATEWAY.",
        show_default=False,
    ),
]
TokenFileOption = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        metavar="FILE",
        help="File with the token for --gateway; or set ENLACE_TOKEN_FILE or ENLACE_TOKEN. A socket needs none.",
    ),
]
CaFileOption = Annotated[
    Path | None,
    typer.Option(
        "--ca-file", metavar="FILE", help="Authority of the gateway's certificate, PEM; or set ENLACE_CA_FILE."
    ),
]
DocumentsOption = Annotated[
    Path | None, typer.Option("--documents", help="Folder of signed documents, instead of the home's.")
]


def named_gateway(
    home: Path | None, gateway: str | None, token_file: Path | None, ca_file: Path | None
) -> GatewayAddress | None:
    """The gateway that `--gateway` or ENLACE_GATEWAY names; None for a command that uses a home.

    An option comes before a variable; of the variables, ENLACE_GATEWAY comes first.
    """
    if gateway is not None and home is not None:
        hint = "a gateway replaces the home: give one of them"
        raise UsageError("usage", "--gateway and --home were both given", path="--gateway", hint=hint)
    named = gateway or (os.environ.get("ENLACE_GATEWAY") if home is None else None)
    if named:
        return GatewayAddress(gateway=named, token_file=token_file, ca_file=ca_file)
    for option, file in (("--token-file", token_file), ("--ca-file", ca_file)):
        if file is not None:
            message = f"{option} is for a gateway, and none was named"
            raise UsageError("usage", message, path=option, hint="give --gateway URL, or set ENLACE_GATEWAY")
    return None


def given(values: list[str] | None) -> list[str]:
    """The values of a repeated option that are not empty."""
    return [value for value in values or () if value]


def named_home(home: Path | None) -> Path | None:
    """The folder that `--home` or ENLACE_HOME names; None if neither does."""
    return home or (Path(os.environ["ENLACE_HOME"]) if os.environ.get("ENLACE_HOME") else None)


def home_of(home: Path | None) -> Path:
    """The folder of the node; UsageError if none was named, or if the folder is not a home."""
    named = named_home(home)
    if named is None:
        raise UsageError("home_missing", "no node was named", path="--home", hint="give --home DIR or set ENLACE_HOME")
    if not (named / "node.toml").is_file():
        raise UsageError(
            "home_invalid", f"{named} holds no node.toml", path="--home", hint="`enlace init` makes a home"
        )
    return named.resolve()


def open_named_home(home: Path | None) -> "Home":
    """The home that `--home` or ENLACE_HOME names, with its configuration; raises UsageError."""
    from node.runtime.home import open_home

    return open_home(home_of(home))
