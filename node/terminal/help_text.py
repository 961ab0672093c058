"""Adds commands to the command line: their help, their group of readers, and how flags are shown.

The help of a command is the docstring of its function: what it does, an example, the exit codes. The library shows
help as rich markup, in which `[[trustee]]` would vanish, and shows a flag as `--json <bool>`; both are corrected
here.
"""

import inspect
import re
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

_MARKUP: Final = re.compile(r"\[(?=[a-z#/@])")


class Reader(StrEnum):
    """Who a command is for; the panels of `enlace --help`."""

    OPERATOR = "For operators"
    INTEGRATOR = "For integrators"
    AUDITOR = "For auditors"
    EVERYBODY = "For everybody"


def _without_types_of_flags(parameters: list[Any]) -> list[Any]:
    """A flag takes no value, so no type is shown beside it."""
    for parameter in parameters:
        if isinstance(parameter, TyperOption) and parameter.is_flag and parameter.metavar is None:
            parameter.metavar = ""
    return parameters


class _Command(TyperCommand):
    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters, `--help` included."""
        return _without_types_of_flags(super().get_params(ctx))


class _Group(TyperGroup):
    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters, `--help` included."""
        return _without_types_of_flags(super().get_params(ctx))


def command_line(name: str, help_: str) -> typer.Typer:
    """The command line itself."""
    return typer.Typer(
        name=name,
        cls=_Group,
        help=help_,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
    )


def group(help_: str) -> typer.Typer:
    """A group of commands, as `quarantine`."""
    return typer.Typer(cls=_Group, help=help_, no_args_is_help=True, rich_markup_mode="rich")


def add_group(app: typer.Typer, added: typer.Typer, name: str, reader: Reader) -> None:
    """Add a group to the command line."""
    app.add_typer(added, name=name, rich_help_panel=reader.value)


def add_command(app: typer.Typer, function: Callable[..., int], name: str, reader: Reader | None = None) -> None:
    """Add a function as a command; `reader` is None inside a group."""
    panel = reader.value if reader is not None else None
    app.command(name, cls=_Command, help=help_of(function), rich_help_panel=panel)(function)


def help_of(function: Callable[..., int]) -> str:
    """The docstring of a command as its help: lines of a paragraph are joined, indented lines stay as they are."""
    paragraphs = inspect.cleandoc(function.__doc__ or "").split("\n\n")
    joined = [text if text.startswith(" ") else text.replace("\n", " ") for text in paragraphs]
    return _MARKUP.sub(r"\[", "\n\n".join(joined))
