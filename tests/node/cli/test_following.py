"""`follow` on the store of a home: what arrives, in its order, once."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.following import WHY, following
from tests.support.processes import ENLACE, agreement, enlace, lab, ok, publish, running, settle


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    made = lab(tmp_path_factory.mktemp("exchange"), ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))
    with running(*made.values()):
        publish(made["BZ"], "First boat", "Second boat")
        settle(*made.values())
        yield made


def test_a_report_is_shown_when_it_arrives_and_its_cursor_goes_on(homes: dict[str, Path]) -> None:
    """No report before `--after` is shown, and none is shown twice."""
    with following("--after", "0", "--content", home=homes["GT"]) as followed:
        first, second = followed.next(), followed.next()
        [third_id] = publish(homes["BZ"], "Third boat")
        third = followed.next()
    with following("--after", first["cursor"], home=homes["GT"]) as followed:
        again = [followed.next()["message_id"] for _ in range(2)]

    assert third["report_id"] == third_id
    assert first["report"]["narrative"]["text"] == "First boat"
    assert again == [second["message_id"], third["message_id"]]


def test_the_narrative_is_shown_only_if_it_is_wanted(homes: dict[str, Path]) -> None:
    with following("--after", "0", home=homes["GT"]) as followed:
        assert "narrative" not in followed.next()["report"]


def test_each_report_that_is_shown_is_in_the_access_log(homes: dict[str, Path]) -> None:
    with following("--after", "0", "--originator", "bz", home=homes["GT"]) as followed:
        shown = followed.next()
    entries = ok("access", "list", home=homes["GT"])

    assert [entry for entry in entries if shown["message_id"] in str(entry["subject"]) and entry["reason"] == "test"]


@pytest.mark.parametrize(
    ("options", "path"),
    [
        (["--after", "nothing"], "--after"),
        (["--after", "999999"], "--after"),
        (["--subject", "CEDAR"], "--subject"),
        (["--originator", "not a node"], "--originator"),
    ],
)
def test_a_wrong_option_is_named(homes: dict[str, Path], options: list[str], path: str) -> None:
    code, [answer] = enlace("follow", *WHY, *options, home=homes["GT"])

    assert (code, answer["error"]["path"]) == (2, path)


def test_a_purpose_and_a_reason_are_needed(homes: dict[str, Path]) -> None:
    code, [answer] = enlace("follow", home=homes["GT"])

    assert (code, answer["error"]["code"], answer["error"]["path"]) == (2, "purpose_missing", "--purpose")


def test_ctrl_c_ends_it_with_130_and_without_a_traceback(homes: dict[str, Path]) -> None:
    words = [str(ENLACE), "follow", *WHY, "--after", "0", "--home", str(homes["GT"]), "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)

    assert (process.returncode, said) == (130, b"")


def test_it_ends_with_0_when_its_reader_has_gone_although_no_report_arrives(homes: dict[str, Path]) -> None:
    """The reader takes the last report that there is, so the command has nothing more to write."""
    words = [str(ENLACE), "follow", *WHY, "--after", "0", "--home", str(homes["GT"]), "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            shown = [process.stdout.readline() for _ in ok("search", "--all", home=homes["GT"])]
            process.stdout.close()
            code = process.wait(timeout=60)
        finally:
            process.kill()

    assert (code, len(shown) > 1) == (0, True)
