"""`publish` when the reader of its output leaves, as `head` does."""

import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from node.cli import publishing
from node.commands import publish
from node.commands.publish import ItemAnswer
from node.runtime import open_intake as opening
from node.runtime.home import Home
from node.runtime.open_intake import OpenIntake
from node.standard_streams import ReaderGone
from node.terminal.output import Output
from tests.support.exchange import report
from tests.support.processes import ENLACE, agreement, lab

END_SECONDS_MAX = 60.0  # two cores may be busy with other tests


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))["BZ"]


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """More reports than one transaction takes and than a pipe holds answers."""
    lines = [json.dumps(report(narrative={"text": f"Boat {number}", "language": "en"})) for number in range(450)]
    file = tmp_path / "reports.ndjson"
    file.write_text("\n".join(lines))
    return file


def test_the_intake_is_closed_when_the_reader_of_the_answers_has_gone(
    home: Path, reports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no further report is handed in."""
    happened: list[str] = []
    hand_in, open_intake = publish.publish_items, opening.open_intake

    async def watched(*arguments: Any, **options: Any) -> list[ItemAnswer]:
        happened.append("handed in")
        return await hand_in(*arguments, **options)

    @asynccontextmanager
    async def watched_intake(opened: Home) -> AsyncIterator[OpenIntake]:
        async with open_intake(opened) as intake:
            try:
                yield intake
            finally:
                happened.append("closed")

    def gone(*_: object) -> None:
        raise ReaderGone

    monkeypatch.setattr(publish, "publish_items", watched)
    monkeypatch.setattr(opening, "open_intake", watched_intake)
    monkeypatch.setattr(Output, "item", gone)
    with pytest.raises(ReaderGone):
        publishing.publish(str(reports), home=home, json=True)

    assert happened == ["handed in", "closed"]


def test_a_line_of_stdin_is_answered_before_the_next_one_is_written(home: Path, reports: Path) -> None:
    """A slow producer learns at once what became of its report."""
    command = [str(ENLACE), "publish", "-", "--home", str(home), "--json"]
    lines = reports.read_bytes().splitlines(keepends=True)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number, line in enumerate([lines[0], b"{}\n", lines[1]], start=1):
            process.stdin.write(line)
            process.stdin.flush()
            answer = json.loads(process.stdout.readline())
            assert (answer["line"], answer["outcome"]) == (number, "refused" if number == 2 else "accepted")
        process.stdin.close()

        assert process.wait(END_SECONDS_MAX) == 1


@pytest.mark.parametrize("read", [0, 1])
def test_a_closed_pipe_ends_the_process_and_its_threads(home: Path, reports: Path, read: int) -> None:
    """The process ends by itself, with 0 and no message."""
    command = [str(ENLACE), "publish", str(reports), "--home", str(home), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for _ in range(read):
            assert json.loads(process.stdout.readline())["outcome"] == "accepted"
        process.stdout.close()
        try:
            exit_code = process.wait(END_SECONDS_MAX)
        finally:
            process.kill()

        assert (exit_code, process.stderr.read()) == (0, b"")
