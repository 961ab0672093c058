"""Tokens are made, listed and revoked; their text is shown once and is in no file."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from node.integrators.token_text import read_token
from node.limits import DAY_MS
from schemas.formats import time_text
from tests.support.processes import agreement, enlace, lab, ok


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A node."""
    return lab(tmp_path_factory.mktemp("tokens"), ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))["BZ"]


def create(home: Path, *options: str) -> dict[str, Any]:
    """A new token."""
    [made] = ok("token", "create", "--name", "border-control", *options, home=home)
    return made


def refused(home: Path, *arguments: str) -> dict[str, Any]:
    """The error of a command that is refused, with its exit code."""
    code, [answer] = enlace(*arguments, home=home)
    return {"exit": code, **answer["error"]}


def test_the_text_of_a_token_is_shown_once_and_kept_nowhere(home: Path) -> None:
    """Neither the list nor any file of the home has its secret."""
    made = create(home, "--scope", "check,read", "--scope", "READ")
    presented = read_token(made["token"])
    listed = next(row for row in ok("token", "list", home=home) if row["id"] == made["id"])

    assert presented is not None
    assert presented.id == made["id"]
    assert made["scopes"] == ["read", "check"]
    assert "token" not in listed
    assert (listed["state"], listed["rate"], listed["used_at"]) == ("valid", 1000, None)
    secret = presented.secret
    for file in home.rglob("*"):
        if file.is_file():
            data = file.read_bytes()
            assert secret not in data
            assert secret.hex().encode() not in data


def test_a_token_ends_after_its_days(home: Path) -> None:
    made = create(home, "--scope", "read", "--days", "90")
    listed = next(row for row in ok("token", "list", home=home) if row["id"] == made["id"])
    seconds = [int(asyncio.run(_ms(text)) / 1000) for text in (listed["created_at"], made["expires_at"])]

    assert seconds[1] - seconds[0] == 90 * DAY_MS / 1000


async def _ms(text: str) -> int:
    from node.answers.arguments import parse_time

    assert time_text(parse_time(text, "at")) == text
    return parse_time(text, "at")


def test_a_revoked_token_stays_in_the_list_and_keeps_its_time(home: Path) -> None:
    """The access log names its id. To revoke it again changes nothing."""
    made = create(home, "--scope", "publish")
    [first] = ok("token", "revoke", made["id"], home=home)
    [again] = ok("token", "revoke", made["id"].upper(), home=home)
    listed = next(row for row in ok("token", "list", home=home) if row["id"] == made["id"])

    assert first == again
    assert first.keys() == {"id", "name", "scopes", "expires_at", "revoked_at"}
    assert (listed["state"], listed["revoked_at"]) == ("revoked", first["revoked_at"])


@pytest.mark.parametrize(
    ("options", "path"),
    [
        (["--name", "x", "--scope", "write"], "--scope"),
        (["--name", "x", "--scope", ""], "--scope"),
        (["--name", "x", "--scope", "read", "--days", "0"], "--days"),
        (["--name", "x", "--scope", "read", "--days", "1826"], "--days"),
        (["--name", "x", "--scope", "read", "--days", str(10**30)], "--days"),
        (["--name", "x", "--scope", "read", "--rate", "-1"], "--rate"),
        (["--name", "", "--scope", "read"], "--name"),
        (["--name", "x" * 65, "--scope", "read"], "--name"),
        (["--name", "a\nb", "--scope", "read"], "--name"),
        (["--name", "\u202eabc", "--scope", "read"], "--name"),
        (["--name", "ana (uid 0)", "--scope", "read"], "--name"),
    ],
)
def test_a_wrong_option_makes_no_token(home: Path, options: list[str], path: str) -> None:
    before = ok("token", "list", home=home)
    error = refused(home, "token", "create", *options)

    assert (error["exit"], error["code"], error["path"]) == (2, "value_invalid", path)
    assert ok("token", "list", home=home) == before


def test_an_unknown_id_is_refused_and_a_whole_token_is_not_repeated(home: Path) -> None:
    """Who passes the token itself instead of its id must not find it in the answer or a log."""
    text = create(home, "--scope", "read")["token"]
    unknown, whole = refused(home, "token", "revoke", "0" * 12), refused(home, "token", "revoke", text)

    assert (unknown["exit"], unknown["code"], unknown["path"]) == (1, "not_found", "ID")
    assert "token list" in unknown["hint"]
    assert (whole["exit"], whole["code"], whole["path"]) == (2, "usage", "ID")
    assert text not in json.dumps(whole)


def test_two_tokens_are_different(home: Path) -> None:
    assert create(home, "--scope", "read")["token"] != create(home, "--scope", "read")["token"]
