"""Commands through a real gateway answer as the commands of a home do, also to users who own no home."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.client_exchange import ClientExchange, another_report, as_nobody, client_exchange
from tests.support.following import following
from tests.support.processes import ENLACE, enlace, ok, settle

WHY = ("--purpose", "CROSS_CHECKING", "--reason", "Control 17 at Melchor")
UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClientExchange]:
    with client_exchange(tmp_path_factory.mktemp("exchange")) as exchange:
        lines = [json.dumps(another_report(f"Mule train {number}")).encode() for number in range(3)]
        ok("publish", "-", home=exchange.homes["BZ"], data=b"\n".join(lines))
        settle(*exchange.homes.values())
        settle(*exchange.homes.values())  # the receipts are read too
        yield exchange


@pytest.fixture
def by_gateway(made: ClientExchange, tmp_path: Path) -> dict[str, str]:
    return made.environment("BZ", tmp_path)


@pytest.fixture
def report_id(made: ClientExchange) -> str:
    [found] = ok("search", "--text", "mule 1", *WHY, home=made.homes["BZ"])
    return str(found["report_id"])


def both(made: ClientExchange, env: dict[str, str], *command: str, data: bytes = b"") -> tuple[Any, Any]:
    """Exit code and objects of a command in the home of BZ, and through its gateway."""
    return enlace(*command, home=made.homes["BZ"], data=data), enlace(*command, data=data, env=env)


@pytest.mark.parametrize(
    "command",
    [
        ("search", "--text", "mule", "--limit", "2", *WHY),
        ("search", "--all", *WHY),
        ("search", "--identifier", "IMO=9074729", "--originator", "gt", *WHY),
        ("show", "REPORT", *WHY),
        ("show", UNKNOWN, *WHY),
        ("show", "nothing", *WHY),
        ("receipts", "REPORT"),
        ("receipts", UNKNOWN),
        ("search", "--subject", "CEDAR", *WHY),
        ("search", "--all", "--after", "nothing", *WHY),
        ("search", "--all", "--purpose", "NOTHING", "--reason", "x"),
    ],
    ids=" ".join,
)
def test_the_answer_is_that_of_the_home(
    made: ClientExchange, by_gateway: dict[str, str], report_id: str, command: tuple[str, ...]
) -> None:
    here, there = both(made, by_gateway, *[report_id if word == "REPORT" else word for word in command])

    assert there[0] == here[0]
    for one in (here, there):  # a gateway words an error for programs: its code counts
        for item in one[1]:
            item["error"] = item["error"]["code"] if "error" in item else None
    assert there[1] == here[1]


def test_questions_are_answered_as_in_the_home(made: ClientExchange, by_gateway: dict[str, str]) -> None:
    data = b"IMO=9074729\n\nnothing\nbz:PLATE=C 1\n"
    here, there = both(made, by_gateway, "check", *WHY, data=data)

    assert there == here
    assert there[0] == 1


def test_reports_are_answered_as_in_the_home(made: ClientExchange, by_gateway: dict[str, str]) -> None:
    lines = [json.dumps(another_report("Mule train 1")), "nothing", '{"subjects": ["CEDAR"]}']
    here, there = both(made, by_gateway, "publish", "-", data="\n".join(lines).encode())

    assert there == here
    assert [item["outcome"] for item in there[1]] == ["duplicate", "refused", "refused"]


def test_a_dry_run_keeps_nothing(made: ClientExchange, by_gateway: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text(json.dumps(another_report("Not kept"), indent=1))
    here, there = both(made, by_gateway, "publish", str(file), "--dry-run")
    for one in (here, there):
        one[1][0].pop("message_id")  # each one draws an id of its own

    assert there == here
    assert enlace("publish", str(file), env=by_gateway)[1][0]["outcome"] == "accepted"


def test_the_status_is_that_of_the_node(made: ClientExchange, by_gateway: dict[str, str]) -> None:
    [here], [there] = ok("status", home=made.homes["BZ"]), enlace("status", env=by_gateway)[1]

    assert there.keys() >= here.keys()
    assert (there["node"], there["running"]) == ("BZ", True)
    assert enlace("status", "--until", "drained", "--timeout", "60", env=by_gateway)[0] == 0


@pytest.mark.parametrize("state", ["drained", "caught-up"])
def test_a_state_that_is_waited_for_is_not_that_of_a_moment_before(
    made: ClientExchange, by_gateway: dict[str, str], state: str
) -> None:
    """A report that was accepted meanwhile is on its way; without time to wait, the command ends with 4."""
    assert enlace("status", "--until", state, env=by_gateway)[0] == 0
    ok("publish", "-", home=made.homes["BZ"], data=json.dumps(another_report(f"Boat and {state}")).encode())
    code, [now] = enlace("status", "--until", state, "--timeout", "0", env=by_gateway)

    assert (code == 0) is now[state.replace("-", "_")]
    assert now["drained"] is not any(now["outbox"].values())
    settle(*made.homes.values())


def test_what_arrives_is_followed_as_in_the_home(made: ClientExchange, by_gateway: dict[str, str]) -> None:
    with following("--after", "0", "--content", env=by_gateway) as there:
        shown = [there.next() for _ in range(3)]
    with following("--after", "0", "--content", home=made.homes["BZ"]) as here:
        assert [here.next() for _ in range(3)] == shown


def test_following_a_gateway_that_is_away_from_the_beginning_is_an_error() -> None:
    code, [answer] = enlace("follow", *WHY, "--gateway", "http://127.0.0.1:1")

    assert (code, answer["error"]["code"]) == (4, "gateway_unreachable")


def test_an_option_comes_before_a_variable(made: ClientExchange, by_gateway: dict[str, str]) -> None:
    away = {**by_gateway, "ENLACE_GATEWAY": "http://127.0.0.1:1"}

    assert enlace("status", home=made.homes["GT"], env=away)[1][0]["node"] == "GT"
    assert enlace("status", "--gateway", made.addresses["BZ"], env=away)[1][0]["node"] == "BZ"


@pytest.mark.parametrize(
    ("options", "exit_code", "code"),
    [
        (["--gateway", "http://127.0.0.1:1"], 4, "gateway_unreachable"),
        (["--gateway", "http://node.example:8443"], 2, "address_unprotected"),
        (["--gateway", "nothing"], 2, "address_invalid"),
        (["--token-file", "/nothing"], 2, "usage"),
        (["--gateway", "http://127.0.0.1:1", "--token-file", "/nothing"], 2, "token_unreadable"),
    ],
)
def test_a_gateway_that_cannot_be_used_is_an_error_of_its_own(options: list[str], exit_code: int, code: str) -> None:
    found, [answer] = enlace("status", *options)

    assert (found, answer["error"]["code"]) == (exit_code, code)


def test_a_wrong_token_is_a_usage_error(made: ClientExchange, tmp_path: Path) -> None:
    wrong = {**made.environment("BZ", tmp_path), "ENLACE_TOKEN_FILE": "", "ENLACE_TOKEN": "wrong"}
    code, [answer] = enlace("status", env=wrong)

    assert code == 2
    assert answer["error"]["hint"]


def test_expired_reports_are_not_shown(by_gateway: dict[str, str]) -> None:
    code, [answer] = enlace("search", "--all", "--include-expired", *WHY, env=by_gateway)

    assert (code, answer["error"]["path"]) == (2, "--include-expired")


def test_a_gateway_and_a_home_are_not_both_given(made: ClientExchange) -> None:
    code, [answer] = enlace("status", "--gateway", made.addresses["BZ"], home=made.homes["BZ"])

    assert (code, answer["error"]["path"]) == (2, "--gateway")


def test_a_line_is_answered_before_the_next_one_is_written(by_gateway: dict[str, str]) -> None:
    command = [str(ENLACE), "publish", "-", "--json"]
    env = {**os.environ, **by_gateway}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number in (1, 2):
            process.stdin.write(json.dumps(another_report(f"Line {number}")).encode() + b"\n")
            process.stdin.flush()
            answer = json.loads(process.stdout.readline())
            assert (answer["line"], answer["outcome"]) == (number, "accepted")
        process.stdin.close()

        assert process.wait(60) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_user_without_a_home_needs_neither_store_nor_keys(made: ClientExchange, by_gateway: dict[str, str]) -> None:
    """As the user nobody, who may not read the home."""
    env = {
        "ENLACE_GATEWAY": by_gateway["ENLACE_GATEWAY"],
        "ENLACE_TOKEN": made.tokens["BZ"],
        "PYTHONPATH": str(Path.cwd()),
    }
    ran = as_nobody(str(ENLACE), "search", "--text", "mule", *WHY, "--json", env=env)

    assert ran.returncode == 0, ran.stderr + ran.stdout
    assert len(ran.stdout.splitlines()) == 3
