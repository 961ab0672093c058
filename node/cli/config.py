"""Commands of the configuration: config explain."""

import typer

from node.cli.options import HomeOption, JsonOption, home_of
from node.cli.output import Output

config_app = typer.Typer(help="The configuration of a node.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(config_app, name="config")


@config_app.command()
def explain(home: HomeOption = None, json: JsonOption = False) -> int:
    """Show every key with its value, where that comes from, and what it is for; secrets are masked."""
    from node.runtime import config

    Output(json=json).object(
        {
            setting.key: {"value": setting.value, "source": setting.source, "description": setting.description}
            for setting in config.explain(home_of(home))
        }
    )
    return 0
