"""The ways out: an error of a service, as a user of the command line needs it."""

from pathlib import Path

import pytest
import typer.main

from node.cli.main import app
from node.errors import EnlaceError, Refused, UsageError
from node.terminal import ways_out
from tests.support.contract import cli
from tests.support.processes import lab


def test_a_field_becomes_the_option_of_its_command() -> None:
    assert ways_out.worded(UsageError("usage", "wrong", path="since"), "search").path == "--since"


def test_a_path_that_no_option_fills_stays() -> None:
    assert ways_out.worded(UsageError("value_invalid", "wrong", path="bus.url"), "audit replay").path == "bus.url"


def test_an_error_about_the_token_names_the_option_and_not_the_header() -> None:
    """A user of the command line sends no headers."""
    error = UsageError("token_missing", "no token", path="Authorization", hint="send the header `Authorization`")

    worded = ways_out.worded(error, "publish")

    assert worded.path == "--token-file"
    assert worded.hint is not None
    assert "--token-file" in worded.hint
    assert "Authorization" not in worded.hint


def test_a_field_of_one_command_says_nothing_about_another() -> None:
    assert ways_out.worded(UsageError("usage", "wrong", path="since"), "publish").path == "since"


@pytest.mark.parametrize(
    ("command", "error", "hint"),
    [
        (
            "receipts",
            Refused("not_originator", "foreign", path="id"),
            "`enlace show ID` shows its outcome at this node",
        ),
        ("receipts", UsageError("usage", "wrong", path="id"), None),
        ("governance sign", UsageError("home_missing", "none", path="key"), "give --key FILE or --home DIR"),
        ("policy explain", UsageError("not_json", "no JSON", path="r.json"), "--report takes one JSON object"),
        ("policy explain", UsageError("node_unknown", "unknown", path="to", hint="one of BZ"), "one of BZ"),
    ],
)
def test_the_way_out_is_that_of_command_and_code_and_a_hint_of_the_service_stays(
    command: str, error: EnlaceError, hint: str | None
) -> None:
    assert ways_out.worded(error, command).hint == hint


_ABSENT = "6f1d0f2e-3a64-4c1b-9d0e-5b7a4c2e8f11"


def test_an_error_about_something_that_is_not_there_has_a_way_out(tmp_path: Path) -> None:
    """Of each command that takes an id, a topic or the code of a node."""
    home = lab(tmp_path, ["BZ"])["BZ"]
    taken = tmp_path / "taken"
    taken.write_bytes(b"")
    refused = {
        line: cli(*line.split(), home=home).error
        for line in (
            "outbox withdraw nonsense",
            f"outbox withdraw {_ABSENT}",
            f"outbox resend {_ABSENT}",
            f"outbox resend {_ABSENT} --all",
            "outbox resend --all --to QQ",
            "receipts foo",
            f"receipts {_ABSENT}",
            f"show {_ABSENT}",
            "pending drop 77",
            "quarantine show 77",
            "quarantine purge 77",
            "reread intel.atlantis.bz",
            f"backup {taken}",
        )
    }

    assert [line for line, error in refused.items() if not error["hint"] or not error["path"]] == []
    assert refused[f"outbox resend {_ABSENT} --all"]["message"] == "ids and --all exclude each other"
    assert refused["outbox resend --all --to QQ"]["hint"] == "one of BZ"


def test_the_command_is_found_in_its_arguments() -> None:
    assert ways_out.command_of(["policy", "explain", "--from", "BZ"]) == "policy explain"
    assert ways_out.command_of(["search", "policy"]) == "search"
    assert ways_out.command_of(["--help"]) == ""


@pytest.mark.parametrize("command", sorted(ways_out.SPELLINGS.keys() | ways_out.WAYS_OUT.keys()))
def test_each_spelling_is_one_that_its_command_has(command: str) -> None:
    """`restore` writes to the store that the setting `store.url` names."""
    found = typer.main.get_command(app)
    for name in command.split():
        found = found.commands[name]  # type: ignore[attr-defined]
    options = {option for parameter in found.params for option in (*parameter.opts, getattr(parameter, "metavar", ""))}

    assert {name.rstrip("…") for name in options if name} >= set(ways_out.SPELLINGS.get(command, {}).values()) - {
        "store.url"
    }
