"""Command about the policy: policy explain."""

from pathlib import Path
from typing import Annotated

import typer

from node.terminal.help_text import Reader, add_command, add_group, group
from node.terminal.options import HomeOption, JsonOption, open_named_home
from node.terminal.output import Output

policy_app = group("What agreements allow.")


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    add_group(app, policy_app, "policy", Reader.AUDITOR)
    add_command(policy_app, explain, "explain")


def explain(
    sender: Annotated[str, typer.Option("--from", help="Code of the originator.")],
    to: Annotated[str, typer.Option("--to", help="Code of the recipient.")],
    report: Annotated[Path, typer.Option(help="The report, a JSON file.")],
    at: Annotated[str | None, typer.Option(help="Decide for this time, RFC 3339; now without it.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Explain whether a report may go from one node to another, and which clause decides.

    Decides by the documents that are installed in the home. `considered` lists each clause that does not cover the
    report, with the reason. If the policy refuses, it also lists agreements that do not apply, or not now.

    Example:

        enlace policy explain --from BZ --to MX --report report.json --home bz

    Exit codes: 0 done, also if the policy refuses; 1 the report is not valid; 2 usage or configuration.
    """
    from node.commands.policy_explain import explain as explain_policy
    from node.files import read_file
    from node.reports.ndjson import ITEM_SIZE_BYTES_MAX

    opened = open_named_home(home)
    data = read_file(report, ITEM_SIZE_BYTES_MAX, pipe=True)
    explanation = explain_policy(opened, sender=sender, recipient=to, report=data, at=at, report_name=str(report))
    Output(json=json).object(explanation)
    return 0
