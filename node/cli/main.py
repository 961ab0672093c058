"""The command `enlace`: its commands, and how an error becomes an exit code.

0 done, 1 something was refused or found, 2 usage or configuration, 4 unavailable, 70 bug, 75 restart needed, 130
interrupted. Each command imports its modules when it runs, so that `enlace --help` stays quick.
"""

import traceback
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from node.answers.error_answer import coded
from node.cli import (
    about,
    access,
    audit,
    broker,
    checking,
    config,
    daemon,
    db,
    findings,
    following,
    gateway,
    governance,
    pending,
    policy,
    publishing,
    quarantine,
    reading,
    searching,
    setup,
    start,
    tokens,
    top,
    webhooks,
)
from node.errors import EXIT_BUG, EnlaceError, UsageError
from node.standard_streams import ReaderGone
from node.terminal import ways_out
from node.terminal.help_text import command_line
from node.terminal.output import Output

app = command_line("enlace", "Intelligence exchange between national police nodes.")
for commands in (
    setup,
    governance,
    daemon,
    top,
    publishing,
    searching,
    reading,
    following,
    checking,
    quarantine,
    pending,
    webhooks,
    findings,
    db,
    broker,
    config,
    policy,
    access,
    audit,
    gateway,
    tokens,
    about,
):
    commands.add_to(app)


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", help="Show the versions, as `enlace version` does.")] = False,
) -> None:
    """Intelligence exchange between national police nodes."""


def main() -> None:
    """The entry point of earlier installations; node/cli/start.py has it now."""
    start.main()


def run(arguments: list[str]) -> int:
    """Run one command; returns its exit code."""
    if arguments[:1] == ["--version"]:
        arguments = ["version", *arguments[1:]]
    output = Output(json="--json" in arguments)
    try:
        _check_text(arguments)
        _log_to_stderr(json=output.json)
        result = app(arguments, standalone_mode=False, prog_name="enlace")
    except TyperException as error:
        if not error.format_message():  # no command was given, so the help was shown
            return UsageError.exit_code
        return _failed(output, _usage(error))
    except ReaderGone:
        return 0
    except Exception as error:  # the one place where a bug becomes an exit code
        known = coded(error)
        if known is None:
            return _bug(output, error)
        return _failed(output, ways_out.worded(known, ways_out.command_of(arguments)))
    return result if isinstance(result, int) else 0


def _failed(output: Output, error: EnlaceError) -> int:
    output.error(error)
    return error.exit_code


def _bug(output: Output, error: Exception) -> int:
    import structlog

    if output.json:
        structlog.get_logger().critical("bug", exception="".join(traceback.format_exception(error)))
    else:
        traceback.print_exception(error)
    message = f"{type(error).__name__}; see stderr"
    output.error(EnlaceError("bug", message, hint="please report it with the output on stderr"))
    return EXIT_BUG


def _usage(error: TyperException) -> UsageError:
    """An error of the parser of options, with the option as the path."""
    parameter: Any = getattr(error, "param", None)
    named = getattr(error, "option_name", None)
    path = named or (_name(parameter) if parameter is not None else None)
    command: Any = getattr(getattr(error, "ctx", None), "command_path", None) or "enlace COMMAND"
    return UsageError("usage", error.format_message(), path=path, hint=f"{command} --help lists the options")


def _name(parameter: Any) -> str:
    """An option as the user writes it, or the name of an argument."""
    if parameter.param_type_name == "option":
        return str(max(parameter.opts, key=len))
    return str(parameter.metavar or parameter.name)


def _check_text(arguments: list[str]) -> None:
    for argument in arguments:
        if any("\udc80" <= char <= "\udcff" for char in argument):
            shown = argument.encode("utf-8", "backslashreplace").decode()
            raise UsageError("usage", f"{shown} is not UTF-8", hint="set the locale of the terminal to UTF-8")


def _log_to_stderr(*, json: bool) -> None:
    """Log warnings of a command; `run` takes level and format from the configuration."""
    from node.runtime import logs
    from schemas.types import LogFormat, LogLevel, LogSection

    logs.configure(LogSection(level=LogLevel.warning, format=LogFormat.json if json else LogFormat.text))
