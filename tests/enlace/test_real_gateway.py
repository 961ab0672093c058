"""The client against real gateways of a real exchange, with and without `await`."""

import asyncio
import json
import logging
import os
import shutil
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from enlace.client import (
    AsyncClient,
    Client,
    InvalidRequest,
    NotAllowed,
    NotFound,
    Refused,
    RetryPolicy,
    Unavailable,
)
from tests.support.certificates import Authority, pem
from tests.support.client_exchange import (
    ClientExchange,
    another_report,
    client_exchange,
    gateway,
    token_of,
    with_gateway,
)
from tests.support.processes import agreement, lab

WHY: dict[str, Any] = {"purpose": "CROSS_CHECKING", "reason": "Control 17 at Melchor, peritación"}
QUICK = RetryPolicy(attempts_max=2, pause_seconds=0.01)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClientExchange]:
    with client_exchange(tmp_path_factory.mktemp("exchange")) as exchange:
        yield exchange


@pytest.fixture
def bz(made: ClientExchange) -> Iterator[Client]:
    with Client(made.addresses["BZ"], token=made.tokens["BZ"]) as client:
        yield client


@pytest.fixture
def gt(made: ClientExchange) -> Iterator[Client]:
    with Client(made.addresses["GT"], token=made.tokens["GT"]) as client:
        yield client


def test_a_report_is_published_stored_found_and_checked(bz: Client, gt: Client) -> None:
    report = another_report("Three boats off Punta Gorda")
    accepted = bz.publish(report)
    state = bz.wait_until_stored(accepted.report_id, ["GT"])
    [found] = gt.messages(text="punta gorda", **WHY)
    shown = gt.message(accepted.report_id, **WHY)

    assert (accepted.outcome, accepted.audience) == ("accepted", ("GT",))
    assert (state.state, state.message_id) == ("witnessed", accepted.message_id)
    assert found.report.narrative.text == "Three boats off Punta Gorda"
    assert shown.decision is not None
    assert shown.decision.outcome == "stored"
    assert bz.publish(report).outcome == "duplicate"


def test_a_report_that_was_received_can_be_handed_in_as_the_generated_type(bz: Client) -> None:
    accepted = bz.publish(another_report("A typed report"))
    bz.wait_until_stored(accepted.report_id)
    typed = bz.message(accepted.report_id, **WHY).report

    assert bz.publish(typed).outcome == "duplicate"


def test_a_refused_report_has_the_errors_of_its_fields(bz: Client) -> None:
    with pytest.raises(Refused) as raised:
        bz.publish({"subjects": ["CEDAR"]})

    assert ("subjects[0]", "unknown_code") in {(error.path, error.code) for error in raised.value.errors}
    with pytest.raises(Refused):
        bz.preview({"subjects": ["CEDAR"]})


def test_a_key_with_another_report_is_refused(bz: Client) -> None:
    bz.publish(another_report("With a key"), idempotency_key="case-7")

    with pytest.raises(Refused) as raised:
        bz.publish(another_report("Another with the key"), idempotency_key="case-7")
    assert raised.value.code == "idempotency_key_reused"


def test_many_reports_get_one_answer_each(bz: Client) -> None:
    reports = [another_report(f"Boat {number}") for number in range(5)]
    answers = list(bz.publish_many([*reports[:3], {"subjects": []}, *reports[3:]], batch_size=4))

    assert [answer.outcome for answer in answers] == ["accepted"] * 3 + ["refused"] + ["accepted"] * 2
    assert [answer.line for answer in answers] == [1, 2, 3, 4, 5, 6]


def test_pages_have_each_report_once(bz: Client) -> None:
    ids = {answer.report_id for answer in bz.publish_many([another_report(f"Paged {number}") for number in range(5)])}
    for report_id in ids:
        bz.wait_until_stored(str(report_id))
    found = [str(message.report_id) for message in bz.messages(text="paged", page_size=2, **WHY)]

    assert sorted(found) == sorted(map(str, ids))


def test_identifiers_are_checked_in_their_order(gt: Client) -> None:
    answers = gt.check(["IMO=9074729", "PLATE=C 1", "NOTHING=1"], **WHY)

    assert [answer.hit for answer in answers] == [False, False, None]
    assert answers[2].errors[0].code == "unknown_code"


def test_lists_and_status_are_those_of_the_node(bz: Client) -> None:
    assert bz.status()["node"] == "BZ"
    assert [item["id"] for item in bz.agreements()] == ["BZ-GT"]
    assert list(bz.withheld()) == list(bz.quarantine()) == []


def test_what_is_not_there_or_not_allowed_has_an_error_of_its_own(made: ClientExchange, bz: Client) -> None:
    only_check = token_of(made.homes["BZ"], "check")
    with Client(made.addresses["BZ"], token=only_check) as client, pytest.raises(NotAllowed) as raised:
        client.publish(another_report("Not allowed"))
    assert raised.value.code == "scope_missing"
    with pytest.raises(NotFound):
        bz.message("00000000-0000-4000-8000-000000000000", **WHY)
    with pytest.raises(InvalidRequest):
        list(bz.messages(**WHY))


def test_a_wrong_token_is_in_no_text(made: ClientExchange, caplog: pytest.LogCaptureFixture) -> None:
    """Neither in the error and its causes, nor in a log at any level. Nor is the name that is searched for."""
    name = "-".join(["hidden", "name"])
    caplog.set_level(logging.DEBUG)
    with Client(made.addresses["BZ"], token="elk-hidden-word", retries=QUICK) as client:
        try:
            client.publish(another_report("Nobody"))
        except NotAllowed as error:
            shown = "".join(traceback.format_exception(error)) + repr(error.__dict__)
    assert "elk-hidden-word" not in shown + caplog.text
    with Client("http://127.0.0.1:1", token="elk-hidden-word", retries=QUICK) as client:
        try:
            next(client.messages(text=name, **WHY))
        except Unavailable as error:
            shown = "".join(traceback.format_exception(error)) + repr(error.__dict__)

    assert "elk-hidden-word" not in shown + caplog.text
    assert name not in shown + caplog.text


async def test_the_client_with_await_does_the_same(made: ClientExchange) -> None:
    async with (
        AsyncClient(made.addresses["BZ"], token=made.tokens["BZ"]) as bz,
        AsyncClient(made.addresses["GT"], token=made.tokens["GT"]) as gt,
    ):
        reports = [another_report(f"Async {number}") for number in range(3)]
        accepted = await bz.publish(reports[0])

        async def source() -> object:
            for report in reports:
                yield report

        outcomes = [answer.outcome async for answer in bz.publish_many(source())]  # type: ignore[arg-type]
        await asyncio.gather(*[bz.wait_until_stored(accepted.report_id, ["GT"]) for _ in range(3)])
        found = [message.message_id async for message in gt.messages(text="async 0", **WHY)]
        with pytest.raises(Refused):
            await bz.publish({})

    assert outcomes == ["duplicate", "accepted", "accepted"]
    assert found == [accepted.message_id]


def test_a_socket_of_this_machine_needs_no_token(made: ClientExchange) -> None:
    socket = made.homes["BZ"].parents[1] / "bz.sock"
    with Client(f"unix:{socket}") as client:
        assert client.status()["node"] == "BZ"


def test_a_gateway_with_tls_is_verified_and_may_want_a_certificate(tmp_path: Path) -> None:
    home = lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))["BZ"]
    authority = Authority("Enlace test")
    authority.issue(home, "gateway")
    authority.issue(tmp_path, "client")
    own, own_key, ca = (tmp_path / name for name in ("client.pem", "client.key", "ca.pem"))
    ca.write_text(pem(authority.certificate))
    with_gateway(home, certificate_file="gateway.pem", key_file="gateway.key", client_ca_file=str(ca))
    token = token_of(home, "publish")
    with gateway(home) as running:
        options = {"token": token, "retries": QUICK}
        with Client(running.address, ca_file=ca, certificate_file=own, key_file=own_key, **options) as client:  # type: ignore[arg-type]
            assert client.publish(another_report("Over TLS")).outcome == "accepted"
        with Client(running.address, ca_file=ca, **options) as client, pytest.raises(Unavailable):  # type: ignore[arg-type]
            client.status()
        with (
            Client(running.address, **options) as client,  # type: ignore[arg-type]
            pytest.raises(Unavailable, match=r"(?i)certificate") as raised,
        ):
            client.status()
        assert raised.value.hint is not None
        assert "ca_file" in raised.value.hint


def test_a_batch_over_a_gateway_that_is_killed_publishes_each_report_once(tmp_path: Path) -> None:
    """The reports of the batch that was cut off are handed in again, and none is there twice."""
    home = lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))["BZ"]
    with_gateway(home)
    token = token_of(home, "publish")
    reports = [another_report(f"Killed {number}") for number in range(300)]
    with gateway(home) as running, Client(running.address, token=token) as client:
        answers = []
        for answer in client.publish_many(iter(reports), batch_size=100):
            answers.append(answer)
            if len(answers) in (3, 150):
                running.restart()
        again = list(client.publish_many(reports))
        drafts = client.status()["outbox"]["accepted"]

    assert [answer.line for answer in answers] == list(range(1, 301))
    assert {answer.outcome for answer in answers} <= {"accepted", "duplicate"}
    assert {answer.outcome for answer in again} == {"duplicate"}
    assert drafts == 300


def test_a_stream_over_a_gateway_that_is_killed_loses_and_repeats_nothing(made: ClientExchange, bz: Client) -> None:
    token = made.tokens["GT"]
    with gateway(made.homes["GT"]) as running, Client(running.address, token=token) as client:
        held = [message.cursor for message in client.messages(since="2020-01-01", **WHY)]
        events = client.stream(last_event_id=held[-1] if held else "0", content=True, **WHY)
        sent, given = [], []
        for number in range(5):
            sent.append(bz.publish(another_report(f"Streamed {number}")).report_id)
            if number in (1, 3):
                running.restart()
            given.append(next(events))
        [last] = list(client.messages(text="streamed 4", **WHY))

    assert [event.message.report_id for event in given] == sent
    assert given[-1].id == last.cursor
    assert given[0].message.report.narrative.text == "Streamed 0"


async def test_a_stream_with_await_is_given_as_it_comes(made: ClientExchange) -> None:
    async with (
        AsyncClient(made.addresses["GT"], token=made.tokens["GT"]) as client,
        aclosing(client.stream(last_event_id="0", originator="BZ", **WHY)) as events,
    ):
        first = await anext(events)

    assert first.message.originator == "BZ"
    assert "narrative" not in (first.message.content or {})


EXAMPLES = Path(__file__).parents[2] / "examples" / "clients"


def code_lines(file: Path) -> list[str]:
    """The lines of a program without its docstring and blank lines."""
    text = file.read_text().split('"""')[-1]
    return [line for line in text.splitlines() if line.strip()]


def test_a_first_report_takes_ten_lines() -> None:
    assert len(code_lines(EXAMPLES / "ten_lines.py")) <= 10


@pytest.mark.parametrize(
    "command",
    [
        [sys.executable, "ten_lines.py"],
        ["java", "Example.java"],
        ["dotnet", "run", "Example.cs"],
        ["bash", "publish.sh"],
    ],
    ids=["python", "java", "dotnet", "curl"],
)
def test_an_example_publishes_a_report_and_waits_for_its_receipt(
    made: ClientExchange, tmp_path: Path, command: list[str]
) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed on this machine")
    file = tmp_path / "report.json"
    file.write_text(json.dumps(another_report(f"Example {command[-1]}")))
    ran = subprocess.run(
        [*command[:-1], str(EXAMPLES / command[-1]), str(file)],
        env={**os.environ, **made.environment("BZ", tmp_path)},
        cwd=EXAMPLES.parents[1],
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.endswith("stored at GT\n")


def test_the_example_of_many_reports_answers_each_one(made: ClientExchange, tmp_path: Path) -> None:
    file = tmp_path / "reports.ndjson"
    file.write_text(
        "".join(f"{json.dumps(item)}\n" for item in (another_report("Many 1"), {}, another_report("Many 2")))
    )
    ran = subprocess.run(
        [sys.executable, str(EXAMPLES / "publish_many.py"), str(file)],
        env={**os.environ, **made.environment("BZ", tmp_path)},
        cwd=EXAMPLES.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 1
    assert [line.split()[1] for line in ran.stdout.splitlines()] == ["accepted", "refused", "accepted"]
