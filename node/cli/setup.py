"""Commands that set up: init, lab, and keys separate."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.errors import UsageError
from node.terminal.arguments import bus_url, hash_of
from node.terminal.help_text import Reader, add_command, add_group, group
from node.terminal.options import HomeOption, JsonOption, home_of, named_home
from node.terminal.output import Output

if TYPE_CHECKING:
    from node.commands.lab import Lab

keys_app = group("The private keys of a node.")


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    add_command(app, init, "init", Reader.OPERATOR)
    add_command(app, lab, "lab", Reader.INTEGRATOR)
    add_group(app, keys_app, "keys", Reader.OPERATOR)
    add_command(keys_app, separate, "separate")


def init(
    node: Annotated[str, typer.Option(help="The node's code: ISO 3166-1 alpha-2, or a body's code.")],
    bus: Annotated[str, typer.Option(help="sqlite:///FILE, relative to the home, or kafka://HOST:PORT,…")],
    community: Annotated[str | None, typer.Option(help="Base64 hash of the first ROOT, agreed by hand.")] = None,
    passphrase_file: Annotated[Path | None, typer.Option(help="Encrypt the keys with this file's content.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Make a home: configuration, keys of four uses, and the request to join.

    The folder of --home must not exist. `governance new node` compiles the request to join (CC.node.toml), and
    `governance sign` signs it. Send CC.node.toml.signed to the trustees; it contains no secret.

    Example:

        enlace init --node BZ --bus sqlite:///../log.db --home bz

    Exit codes: 0 done; 2 usage, or the folder exists.
    """
    from node.commands.init import init as make
    from node.commands.init import init_answer

    folder = named_home(home)
    if folder is None:
        raise UsageError("home_missing", "no home was named", path="--home", hint="give --home DIR or set ENLACE_HOME")
    made = make(folder, node, bus_url(bus), community=hash_of(community), passphrase_file=passphrase_file)
    Output(json=json).object(init_answer(made))
    return 0


def lab(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to make.")],
    nodes: Annotated[str, typer.Option(help="Codes, separated by commas.")],
    agreements: Annotated[Path, typer.Option(help="Folder of agreements as TOML.")],
    topology: Annotated[Path | None, typer.Option(help="Topology file; the shipped one without it.")] = None,
    bus: Annotated[str | None, typer.Option(help="Address of the log; DIR/log.db without it.")] = None,
    certificates: Annotated[
        Path | None, typer.Option(help="Folder that `broker local start --tls` made, for a bus with TLS.")
    ] = None,
    json: JsonOption = False,
) -> int:
    """Make a whole exchange for development: unsafe keys, documents signed and installed, topics provisioned.

    Not for production: the keys are not encrypted, and anyone who can read DIR can act as every node.
    Every party of an agreement must be among --nodes; the agreements of demo/ name the five nodes of the example.

    Example:

        enlace lab play --nodes BZ,GT,MX,CO,ES --agreements demo/agreements

    Exit codes: 0 done; 2 usage, or the folder exists; 4 the bus is unavailable, try again.
    """
    from node.commands.lab import lab as make

    codes = [code.strip().upper() for code in nodes.split(",") if code.strip()]
    made = make(
        folder,
        codes,
        agreements,
        topology_path=topology,
        bus=bus_url(bus) if bus else None,
        certificates=certificates,
    )
    _provision(made, folder, certificates)
    Output(json=json).object(made.answer())
    return 0


def _provision(made: "Lab", folder: Path, certificates: Path | None) -> None:
    """Make the topics; without them the exchange is removed, because the same call may succeed later."""
    import asyncio
    import shutil

    from node.commands.broker_topics import provision_homes

    try:
        asyncio.run(provision_homes(made.homes.values(), certificates))
    except BaseException:
        shutil.rmtree(folder)
        raise


def separate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="New file of the AGREE keys.")],
    passphrase_file: Annotated[
        Path | None, typer.Option(help="Encrypt FILE with this file's content; default: the passphrase of the home.")
    ] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Move the AGREE keys of a node to a file that its daemon does not read, such as one on a removable disk.

    They sign agreements and new keys of the node. Afterwards name FILE with `governance sign --key`, or in
    `keys.agree_file` of node.toml. The daemon may run meanwhile.

    Example:

        enlace keys separate /media/safe/bz-agree.json --home bz

    Exit codes: 0 done; 2 usage, FILE exists, or the home has no AGREE key.
    """
    from node.commands.keys import separate as separate_keys

    Output(json=json).object(separate_keys(home_of(home), file, passphrase_file=passphrase_file))
    return 0
