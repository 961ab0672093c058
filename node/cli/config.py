"""Commands about what a node goes by: its configuration (config explain) and its clock (clock show, clock confirm)."""

import typer

from node.terminal.help_text import Reader, add_command, add_group, group
from node.terminal.on_store import on_store
from node.terminal.options import HomeOption, JsonOption, home_of, open_named_home
from node.terminal.output import Output

config_app = group("The configuration of a node.")
clock_app = group("The clock of a node.")


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    add_group(app, config_app, "config", Reader.OPERATOR)
    add_command(config_app, explain, "explain")
    add_group(app, clock_app, "clock", Reader.OPERATOR)
    add_command(clock_app, show, "show")
    add_command(clock_app, confirm, "confirm")


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


def show(home: HomeOption = None, json: JsonOption = False) -> int:
    """Show whether the clock is plausible: what other nodes sealed, and own streams that are dated in the future.

    Example:

        enlace clock show --home bz

    Exit codes: 0 the clock is plausible; 1 it is not, or an own stream is dated in the future; 2 usage or
    configuration; 4 the store is unavailable, try again.
    """
    from node.upkeep.clock import show_clock

    opened = open_named_home(home)
    answer = on_store(opened, lambda store: show_clock(opened, store))
    Output(json=json).object(answer)
    return int(not answer.plausible or bool(answer.heads_in_future))


def confirm(home: HomeOption = None, json: JsonOption = False) -> int:
    """Say that the clock of this machine is right now (`clock_implausible`, `head_in_future`).

    Compare it with a clock that you trust before. Streams of this node whose last batch is dated in the future get a
    checkpoint, by which all nodes take that batch for sealed now, and the next ones after it. The daemon may run.

    Example:

        enlace clock confirm --home bz

    Exit codes: 0 done; 2 usage or configuration, or the key file has no CHECKPOINT key; 4 the store is unavailable, or
    records in an own stream have to be adopted first.
    """
    from node.upkeep.clock import confirm_clock

    opened = open_named_home(home)
    Output(json=json).object(on_store(opened, lambda store: confirm_clock(opened, store)))
    return 0
