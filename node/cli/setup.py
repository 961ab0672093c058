"""Commands that set up: init, lab, governance."""

import base64
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.options import HomeOption, JsonOption, home_of
from node.cli.output import Output
from node.errors import UsageError

if TYPE_CHECKING:
    from node.commands.governance import Context

governance_app = typer.Typer(help="Signed documents: ROOT, NODE, AGREEMENT.", no_args_is_help=True)

DocumentsOption = Annotated[
    Path | None, typer.Option("--documents", help="Folder of signed documents, instead of the home's.")
]
FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A signed document.")]
HASH_SIZE_BYTES = 32
BUS_URL = re.compile(r"sqlite:///.+|kafka://[^/,:]+:[0-9]+(,[^/,:]+:[0-9]+)*")
KINDS = ("root", "node", "agreement")


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(init)
    app.command()(lab)
    app.add_typer(governance_app, name="governance")


def init(
    node: Annotated[str, typer.Option(help="The node's code: ISO 3166-1 alpha-2, or a body's code.")],
    bus: Annotated[str, typer.Option(help="sqlite:///FILE or kafka://HOST:PORT,…")],
    community: Annotated[str | None, typer.Option(help="Base64 hash of the first ROOT, agreed by hand.")] = None,
    passphrase_file: Annotated[Path | None, typer.Option(help="Encrypt the keys with this file's content.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Make a home: configuration, keys of four uses, and the request to join."""
    from node.commands.init import init as make
    from node.commands.init import init_result

    made = make(_new_home(home), node, _bus(bus), community=hash_of(community), passphrase_file=passphrase_file)
    Output(json=json).object(init_result(made))
    return 0


def lab(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to make.")],
    nodes: Annotated[str, typer.Option(help="Codes, separated by commas.")],
    agreements: Annotated[Path, typer.Option(help="Folder of agreements as TOML.")],
    topology: Annotated[Path | None, typer.Option(help="Topology file; the shipped one without it.")] = None,
    bus: Annotated[str | None, typer.Option(help="Address of the log; DIR/log.db without it.")] = None,
    json: JsonOption = False,
) -> int:
    """Make a whole exchange for development: unsafe keys, documents signed and installed, topics provisioned."""
    import asyncio

    from node.commands.broker_topics import provision_homes
    from node.commands.lab import lab as make

    codes = [code.strip().upper() for code in nodes.split(",") if code.strip()]
    made = make(folder, codes, agreements, topology_path=topology, bus=_bus(bus) if bus else None)
    asyncio.run(provision_homes(made.homes.values()))
    Output(json=json).object(made.result())
    return 0


@governance_app.command()
def new(
    kind: Annotated[str, typer.Argument(metavar="root|node|agreement", help="What the file says.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="TOML; the result is FILE.signed.")],
    documents: DocumentsOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Compile a TOML file into FILE.signed, which has no signature yet."""
    from node.commands import governance

    if kind not in KINDS:
        raise UsageError("usage", f"{kind} is no kind of document", path="KIND", hint=f"one of {', '.join(KINDS)}")
    Output(json=json).object(governance.new(kind, file, _context(home, documents)))
    return 0


@governance_app.command()
def sign(
    file: FileArgument,
    key: Annotated[Path | None, typer.Option(help="Key file of a trustee; the home's keys without it.")] = None,
    passphrase_file: Annotated[Path | None, typer.Option(help="What the file of --key is encrypted with.")] = None,
    documents: DocumentsOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Add a signature to a document."""
    from node.commands import governance

    Output(json=json).object(governance.sign(file, _context(home, documents), key=key, passphrase_file=passphrase_file))
    return 0


@governance_app.command()
def keygen(
    id_: Annotated[str, typer.Argument(metavar="ID", help="The trustee's id, as TR1.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="New file for the private key, readable by you alone.")],
    passphrase_file: Annotated[Path | None, typer.Option(help="Encrypt the key with this file's content.")] = None,
    json: JsonOption = False,
) -> int:
    """Make a trustee's key; `public` goes into the [[trustee]] of a ROOT."""
    from node.commands import governance

    Output(json=json).object(governance.keygen(id_, file, passphrase_file=passphrase_file))
    return 0


@governance_app.command()
def check(
    file: FileArgument, documents: DocumentsOption = None, home: HomeOption = None, json: JsonOption = False
) -> int:
    """Say whether a document has effect, and what it lacks."""
    from node.commands import governance

    answer = governance.check(file, _context(home, documents))
    Output(json=json).object(answer)
    return 0 if answer["valid"] else 1


@governance_app.command()
def show(
    file: FileArgument, documents: DocumentsOption = None, home: HomeOption = None, json: JsonOption = False
) -> int:
    """Show what a document says, and whether it has effect."""
    from node.commands import governance

    Output(json=json).object(governance.show(file, _context(home, documents)))
    return 0


@governance_app.command()
def install(
    file: FileArgument, documents: DocumentsOption = None, home: HomeOption = None, json: JsonOption = False
) -> int:
    """Put a document that has effect into the home; a running daemon takes it up."""
    from node.commands import governance

    Output(json=json).object(governance.install(file, _context(home, documents)))
    return 0


def _context(home: Path | None, documents: Path | None) -> "Context":
    from node.commands.governance import Context

    named = home_of(home) if home or os.environ.get("ENLACE_HOME") else None
    return Context(home=named, documents=documents)


def _bus(url: str) -> str:
    """An address of the form that a log can have; whether it is there shows when it is used."""
    if not BUS_URL.fullmatch(url):
        message = f"{url} is no address of a bus"
        raise UsageError("bus_url_unknown", message, path="--bus", hint="sqlite:///FILE or kafka://HOST:PORT,…")
    return url


def _new_home(home: Path | None) -> Path:
    named = home or (Path(os.environ["ENLACE_HOME"]) if os.environ.get("ENLACE_HOME") else None)
    if named is None:
        raise UsageError("home_missing", "no home was named", path="--home", hint="give --home DIR or set ENLACE_HOME")
    return named


def hash_of(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        value = base64.b64decode(text, validate=True)
    except ValueError:
        value = b""
    if len(value) != HASH_SIZE_BYTES:
        raise UsageError("value_invalid", "a community is the base64 of 32 bytes", path="--community")
    return value
