"""Commands about signed documents: governance new, sign, keygen, check, show and install."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.errors import UsageError
from node.terminal.help_text import Reader, add_command, add_group, group
from node.terminal.options import DocumentsOption, HomeOption, JsonOption, home_of, named_home
from node.terminal.output import Output
from schemas.excerpts import excerpt

if TYPE_CHECKING:
    from node.commands.governance import Context

governance_app = group("Signed documents: ROOT, NODE, AGREEMENT.")

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A signed document.")]
KINDS = ("root", "node", "agreement")


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    add_group(app, governance_app, "governance", Reader.OPERATOR)
    for command in (new, sign, keygen, check, show, install):
        add_command(governance_app, command, command.__name__)


def new(
    kind: Annotated[str, typer.Argument(metavar="root|node|agreement", help="The kind of document.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="TOML; the result is FILE.signed.")],
    documents: DocumentsOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Compile a TOML file into FILE.signed, which has no signature yet.

    A later version names the version before it, so compile it beside the documents of the community.

    Example:

        enlace governance new agreement BZ-GT.toml --home bz

    Exit codes: 0 done; 2 the file is wrong, or FILE.signed exists.
    """
    from node.commands import governance

    if kind not in KINDS:
        hint = f"one of {', '.join(KINDS)}"
        raise UsageError("usage", f"{excerpt(kind)} is not a kind of document", path="KIND", hint=hint)
    Output(json=json).object(governance.new(kind, file, _context(home, documents)))
    return 0


def sign(
    file: FileArgument,
    key: Annotated[Path | None, typer.Option(help="Key file of a trustee; the home's keys without it.")] = None,
    passphrase_file: Annotated[Path | None, typer.Option(help="File with the passphrase of the --key file.")] = None,
    documents: DocumentsOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Add your signature to a document, as a party, a trustee, or the node whose keys it introduces.

    Signatures that the file has already stay, so the signers can pass it on.

    Example:

        enlace governance sign BZ-GT.toml.signed --home bz

    Exit codes: 0 done; 2 the document is wrong, or your keys do not count for it.
    """
    from node.commands import governance

    Output(json=json).object(governance.sign(file, _context(home, documents), key=key, passphrase_file=passphrase_file))
    return 0


def keygen(
    id_: Annotated[str, typer.Argument(metavar="ID", help="The trustee's id, as TR1.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="New file for the private key, readable by you alone.")],
    passphrase_file: Annotated[Path | None, typer.Option(help="Encrypt the key with this file's content.")] = None,
    json: JsonOption = False,
) -> int:
    """Make a trustee's key; write `public` into the [[trustee]] table of a ROOT.

    Example:

        enlace governance keygen TR1 tr1.key

    Exit codes: 0 done; 2 usage, or the file exists.
    """
    from node.commands import governance

    Output(json=json).object(governance.keygen(id_, file, passphrase_file=passphrase_file))
    return 0


def check(
    file: FileArgument, documents: DocumentsOption = None, home: HomeOption = None, json: JsonOption = False
) -> int:
    """Check whether a document has effect, and list the signatures that it lacks.

    Example:

        enlace governance check BZ-GT.toml.signed --home bz

    Exit codes: 0 it has effect; 1 it has no effect; 2 usage, or the file is not a document.
    """
    from node.commands import governance

    answer = governance.check(file, _context(home, documents))
    Output(json=json).object(answer)
    return 0 if answer.valid else 1


def show(
    file: FileArgument, documents: DocumentsOption = None, home: HomeOption = None, json: JsonOption = False
) -> int:
    """Show the content of a document, and whether it has effect.

    Example:

        enlace governance show BZ-GT.toml.signed --home bz

    Exit codes: 0 done; 2 usage, or the file is not a document.
    """
    from node.commands import governance

    Output(json=json).object(governance.show(file, _context(home, documents)))
    return 0


def install(
    file: FileArgument, documents: DocumentsOption = None, home: HomeOption = None, json: JsonOption = False
) -> int:
    """Put a document that has effect into the home; a running daemon takes it up.

    Example:

        enlace governance install BZ-GT.toml.signed --home bz

    Exit codes: 0 done; 2 usage, or the document has no effect here.
    """
    from node.commands import governance

    Output(json=json).object(governance.install(file, _context(home, documents)))
    return 0


def _context(home: Path | None, documents: Path | None) -> "Context":
    from node.commands.governance import Context

    return Context(home=home_of(home) if named_home(home) is not None else None, documents=documents)
