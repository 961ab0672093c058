"""The help of every command: what it does, an example that works, the exit codes."""

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main

from node.cli.main import app
from node.terminal.help_text import Reader
from tests.support.contract import cli


def commands_of(group: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of each command and each group."""
    for name, command in group.commands.items():
        yield (*words, name)
        if hasattr(command, "commands"):
            yield from commands_of(command, (*words, name))


ROOT = typer.main.get_command(app)
ALL = list(commands_of(ROOT))


def command_at(words: tuple[str, ...]) -> Any:
    found: Any = ROOT
    for word in words:
        found = found.commands[word]
    return found


COMMANDS = [words for words in ALL if not hasattr(command_at(words), "commands")]


def help_of(*words: str) -> str:
    """As a wide terminal shows it."""
    ran = cli(*words, "--help", json_=False, env={"COLUMNS": "240"})
    assert ran.exit == 0
    return ran.out


def examples(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip().startswith("enlace ")]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_the_help_of_a_command_has_an_example_and_the_exit_codes(words: tuple[str, ...]) -> None:
    text = help_of(*words)

    assert len(examples(text)) >= 1
    assert re.search(r"Exit codes: 0 .+", text)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_the_examples_in_the_help_parse(words: tuple[str, ...]) -> None:
    """And are examples of this command."""
    for line in examples(help_of(*words)):
        arguments = shlex.split(line)[1:]

        assert tuple(arguments[: len(words)]) == words
        command_at(words).make_context(" ".join(words), arguments[len(words) :])


@pytest.mark.parametrize("words", [(), *ALL], ids=" ".join)
def test_a_flag_is_shown_without_a_type(words: tuple[str, ...]) -> None:
    assert "<bool>" not in help_of(*words)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_the_help_shows_the_docstring_literally(words: tuple[str, ...]) -> None:
    """Square brackets too, which the library takes for markup."""
    docstring = command_at(words).callback.__doc__
    said = " ".join(help_of(*words).split())

    assert " ".join(docstring.split()) in said


def test_the_table_of_a_trustee_is_named_in_full() -> None:
    assert "[[trustee]]" in help_of("governance", "keygen")


def test_commands_are_grouped_by_who_uses_them() -> None:
    text = help_of()

    assert all(reader.value in text for reader in Reader)
    assert text.index(Reader.OPERATOR) < text.index(" init ")
    assert text.index(Reader.INTEGRATOR) < text.index(" publish ")
    assert text.index(Reader.AUDITOR) < text.index(" audit ")


@pytest.mark.parametrize("words", [words for words in ALL if len(words) == 1], ids=" ".join)
def test_every_command_is_in_one_of_the_groups(words: tuple[str, ...]) -> None:
    [name] = words

    assert ROOT.commands[name].rich_help_panel in {reader.value for reader in Reader}  # type: ignore[attr-defined]
