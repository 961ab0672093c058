"""Commands about findings: findings list and acknowledge."""

from typing import Annotated

import typer

from node.terminal.help_text import Reader, add_command, add_group, group
from node.terminal.on_store import on_store
from node.terminal.options import HomeOption, JsonOption, open_named_home
from node.terminal.output import Output
from node.terminal.user import login

findings_app = group("What is wrong with streams: gaps, replaced logs, records that are missing.")


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    add_group(app, findings_app, "findings", Reader.OPERATOR)
    add_command(findings_app, list_findings, "list")
    add_command(findings_app, acknowledge, "acknowledge")


def list_findings(
    every: Annotated[bool, typer.Option("--all", help="Also what has ended or was acknowledged.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """List the findings about streams that stand and that nobody acknowledged.

    A finding that has ended leaves the store after 90 days.

    Example:

        enlace findings list --home gt

    Exit codes: 0 done; 2 usage or configuration; 4 the store is unavailable, try again.
    """
    from node.upkeep.findings import list_findings as list_stored

    found = on_store(open_named_home(home), lambda store: list_stored(store, every=every))
    Output(json=json).items(found)
    return 0


def acknowledge(
    ids: Annotated[list[int], typer.Argument(metavar="ID…", help="As `findings list` shows them.")],
    reason: Annotated[str, typer.Option(help="What was done about it, such as the number of a ticket.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Say that what findings report is dealt with: `status` no longer names them.

    Who acknowledged them, when and why stays in the store. A gap still ends when its records arrive. A finding that
    stands for a state of the node, such as `originator_paused`, ends with that state and is refused.

    Example:

        enlace findings acknowledge 17 18 --reason "log restored, ticket 4711" --home gt

    Exit codes: 0 done; 1 a finding is not there or stands for a state, and nothing was acknowledged; 2 usage or
    configuration; 4 the store is unavailable, try again.
    """
    from node.upkeep.findings import acknowledge_findings

    opened, actor = open_named_home(home), login()
    done = on_store(opened, lambda store: acknowledge_findings(store, ids, reason=reason, actor=actor))
    Output(json=json).items(done)
    return 0
