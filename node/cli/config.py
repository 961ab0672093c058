"""Command of the configuration: config explain."""

import typer

from node.cli.help_text import Reader, add_command, add_group, group
from node.cli.options import HomeOption, JsonOption, home_of
from node.cli.output import Output

config_app = group("The configuration of a node.")


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    add_group(app, config_app, "config", Reader.OPERATOR)
    add_command(config_app, explain, "explain")


def explain(home: HomeOption = None, json: JsonOption = False) -> int:
    """Show every key of the configuration with its value, the source of the value, and its description.

    The source is a variable, the file node.toml, or the default. Secrets are masked.

    Example:

        enlace config explain --home bz

    Exit codes: 0 done; 2 the configuration is wrong.
    """
    from node.runtime import config

    Output(json=json).object(
        {
            setting.key: {"value": setting.value, "source": setting.source, "description": setting.description}
            for setting in config.explain(home_of(home))
        }
    )
    return 0
