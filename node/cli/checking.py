"""The command of border posts: check."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, Final

import typer

from node.errors import UsageError
from node.terminal.help_text import Reader, add_command
from node.terminal.options import (
    CaFileOption,
    GatewayOption,
    HomeOption,
    JsonOption,
    PurposeOption,
    ReasonOption,
    TokenFileOption,
    named_gateway,
    open_named_home,
)
from node.terminal.output import Output
from node.terminal.user import login

if TYPE_CHECKING:
    from node.commands.justification import Justification
    from node.remote.gateway_address import GatewayAddress
    from node.reports.question_lines import AskedLine
    from node.runtime.home import Home

STDIN: Final = "-"
READ_SIZE_BYTES: Final = 65_536
QUESTIONS_TOGETHER_MAX: Final = 500  # answered by one read and one write; a longer file takes several


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    add_command(app, check, "check", Reader.INTEGRATOR)


def check(
    file: Annotated[
        str, typer.Argument(metavar="[FILE|-]", help="Questions, one in each line; - or nothing for stdin.")
    ] = STDIN,
    purpose: PurposeOption = None,
    reason: ReasonOption = None,
    gateway: GatewayOption = None,
    token_file: TokenFileOption = None,
    ca_file: CaFileOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Ask whether a report is here about a document, a plate, a name or another identifier.

    A line is SCHEME=VALUE, CC:SCHEME=VALUE with the country, or a JSON object with scheme, value and perhaps country.
    Each line is answered when it comes. The access log keeps each question with its purpose and its reason, both of
    which must be given.

    Example:

        enlace check questions.txt --purpose CROSS_CHECKING --reason "Control at Melchor" --home gt

    Exit codes: 0 every question is answered, hit or not; 1 at least one line is not a question; 2 usage or
    configuration; 4 the store is unavailable, and what was not answered was not read.
    """
    from node.commands.justification import required_justification

    why, output = required_justification(purpose, reason), Output(json=json)
    address = named_gateway(home, gateway, token_file, ca_file)
    answer = partial(_answer, open_named_home(home)) if address is None else partial(_answer_by_gateway, address)
    with _source(file) as source:
        asked, refused = answer(_lines_together(source), why, output)
    if not asked:
        output.nothing("no question was asked")
    return 1 if refused else 0


def _answer(
    home: "Home", batches: Iterator[list["AskedLine"]], why: "Justification", output: Output
) -> tuple[int, int]:
    """Answer lines as they come; returns how many were asked, and how many of them refused.

    The main thread reads, so that an interrupt from the keyboard ends the wait for a line.
    """
    from node.answers.plain_json import presentable
    from node.clock import now_ms
    from node.commands.check import check as ask
    from node.runtime.open_store import open_store

    asked, refused, actor, opening = 0, 0, login(), AsyncExitStack()
    with asyncio.Runner() as runner:
        store = runner.run(opening.enter_async_context(open_store(home, existing=True)))
        try:
            for lines in batches:
                questions = [question for _, question in lines]
                answers = runner.run(ask(store, questions, why=why, actor=actor, now_ms=now_ms()))
                for (line, _), answer in zip(lines, answers, strict=True):
                    output.item({"line": line, **presentable(answer)})
                asked += len(lines)
                refused += sum(bool(answer.errors) for answer in answers)
        finally:
            runner.run(opening.aclose())
    return asked, refused


def _answer_by_gateway(
    address: "GatewayAddress", batches: Iterator[list["AskedLine"]], why: "Justification", output: Output
) -> tuple[int, int]:
    """The same through a gateway."""
    from node.remote.checking import check as ask
    from node.remote.sessions import session

    asked, refused = 0, 0
    with session(address) as opened:
        for lines in batches:
            for answer in ask(opened, lines, purpose=why.purpose or "", reason=why.reason or ""):
                output.item(answer)
                refused += bool(answer["errors"])
            asked += len(lines)
    return asked, refused


def _source(file: str) -> BinaryIO:
    """The file or stdin. `read1` returns what is there, and does not wait for more."""
    if file == STDIN and sys.stdin is None:
        raise UsageError("file_unreadable", "stdin is closed", path="FILE")
    try:
        return sys.stdin.buffer if file == STDIN else Path(file).open("rb")
    except OSError as error:
        raise UsageError("file_unreadable", f"{file}: {error.strerror}", path="FILE") from None


def _lines_together(source: BinaryIO) -> Iterator[list["AskedLine"]]:
    """The lines that arrived together, at most QUESTIONS_TOGETHER_MAX."""
    from node.reports.question_lines import QuestionLines

    lines = QuestionLines()
    while piece := _read(source):
        asked = lines.feed(piece)
        for first in range(0, len(asked), QUESTIONS_TOGETHER_MAX):
            yield asked[first : first + QUESTIONS_TOGETHER_MAX]
    if last := lines.end():
        yield last


def _read(source: BinaryIO) -> bytes:
    try:
        piece: bytes = source.read1(READ_SIZE_BYTES)  # type: ignore[attr-defined]
    except OSError as error:
        raise UsageError("file_unreadable", f"the questions: {error.strerror}", path="FILE") from None
    return piece
