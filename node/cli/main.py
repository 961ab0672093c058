"""The command `enlace`: its commands, and how an error becomes an exit code.

0 done, 1 something was refused or found, 2 usage or configuration, 4 unavailable, 70 bug, 75 restart asked for,
130 interrupted. Each command imports what it needs when it runs, so that `enlace --help` stays quick.
"""

import errno
import io
import os
import sys
import traceback
from typing import Any, Final, TextIO

import typer
from typer.exceptions import TyperException

from broker.log import LogError
from node.cli import (
    audit,
    broker,
    config,
    daemon,
    publishing,
    reading,
    setup,
    ways_out,
)
from node.cli.output import Output, ReaderGone
from node.errors import EXIT_BUG, EnlaceError, Unavailable, UsageError

_FULL: Final = (errno.ENOSPC, errno.EDQUOT)

app = typer.Typer(
    name="enlace",
    help="Intelligence exchange between national police nodes.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for commands in (setup, daemon, publishing, reading, broker, audit, config):
    commands.add_to(app)


def main() -> None:
    """Entry point of the distribution."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _discard(sys.stdout)
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run one command; returns its exit code."""
    output = Output(json="--json" in arguments)
    try:
        _check_text(arguments)
        _log_to_stderr(json=output.json)
        result = app(arguments, standalone_mode=False, prog_name="enlace")
    except TyperException as error:
        if not error.format_message():  # the help was asked for by giving no command, and is on the screen
            return UsageError.exit_code
        return _failed(output, _usage(error))
    except (EnlaceError, LogError) as error:
        known = error if isinstance(error, EnlaceError) else _of_log(error)
        return _failed(output, ways_out.worded(known, ways_out.command_of(arguments)))
    except ReaderGone:
        _discard(sys.stdout)
        return 0
    except OSError as error:
        mendable = _of_system(error)
        return _bug(output, error) if mendable is None else _failed(output, mendable)
    except Exception as error:  # the one place where a bug becomes an exit code
        return _bug(output, error)
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
    output.error(EnlaceError("bug", message, hint="please report it with what stands on stderr"))
    return EXIT_BUG


def _usage(error: TyperException) -> UsageError:
    """What the parser of options found, with the option as the path."""
    parameter: Any = getattr(error, "param", None)
    named = getattr(error, "option_name", None)
    path = named or (_name(parameter) if parameter is not None else None)
    command: Any = getattr(getattr(error, "ctx", None), "command_path", None) or "enlace COMMAND"
    return UsageError("usage", error.format_message(), path=path, hint=f"{command} --help lists the options")


def _name(parameter: Any) -> str:
    """An option as it is written, or an argument's name."""
    if parameter.param_type_name == "option":
        return str(max(parameter.opts, key=len))
    return str(parameter.metavar or parameter.name)


def _of_log(error: LogError) -> EnlaceError:
    """What the log says to a command that needs it."""
    if error.retriable:
        hint = "start the log, or correct the address, and call again"
        return Unavailable("bus_unavailable", str(error), path="bus.url", hint=hint)
    return UsageError("bus_unusable", str(error), path="bus.url", hint="use the version of Enlace that made it")


def _of_system(error: OSError) -> EnlaceError | None:
    """What an operator can mend; None for everything else."""
    place = str(error.filename) if error.filename else None
    message = f"{place or 'a file'}: {error.strerror}"
    if error.errno in _FULL:
        return Unavailable("disk_full", message, path=place, hint="free some space")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return UsageError("permission_denied", message, path=place, hint="run it as the owner of the home")
    return None


def _check_text(arguments: list[str]) -> None:
    for argument in arguments:
        if any("\udc80" <= one <= "\udcff" for one in argument):
            shown = argument.encode("utf-8", "backslashreplace").decode()
            raise UsageError("usage", f"{shown} is not UTF-8", hint="set the locale of the terminal to UTF-8")


def _log_to_stderr(*, json: bool) -> None:
    """Warnings of a command; `run` takes level and format from the configuration."""
    from node.runtime import logs
    from schemas.types import LogFormat, LogLevel, LogSection

    logs.configure(LogSection(level=LogLevel.warning, format=LogFormat.json if json else LogFormat.text))


def _discard(stream: TextIO) -> None:
    """What is still buffered goes nowhere, so that the end of the process does not complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


if __name__ == "__main__":  # as the daemon starts its children
    main()
