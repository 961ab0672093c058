"""The command of auditors: audit replay."""

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from node.terminal.arguments import hash_of
from node.terminal.help_text import Reader, add_command, add_group, group
from node.terminal.options import DocumentsOption, HomeOption, JsonOption, named_home, open_named_home
from node.terminal.output import Output

if TYPE_CHECKING:
    from node.runtime.home import Home

audit_app = group("Verify what nodes claim.")


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    add_group(app, audit_app, "audit", Reader.AUDITOR)
    add_command(audit_app, replay, "replay")


def replay(
    bus: Annotated[
        str | None, typer.Option(help="sqlite:///FILE or kafka://HOST:PORT,…; the home's without it.")
    ] = None,
    documents: DocumentsOption = None,
    community: Annotated[
        str | None, typer.Option(help="Base64 hash of the first ROOT; the only one in the folder without it.")
    ] = None,
    stream: Annotated[str | None, typer.Option(help="Only this stream, or this topic.")] = None,
    start: Annotated[int, typer.Option("--from", min=0, help="First position of each stream.")] = 0,
    until: Annotated[int | None, typer.Option(min=0, help="Position of each stream before which reading ends.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Verify every record of a log, the chains that they form, and what they name.

    Needs the log and the documents, no home and no private key. Both are only read, and the answer has their SHA-256.
    The same log and documents give the same answer on the same day.

    Example:

        enlace audit replay --bus sqlite:///log.db --documents documents

    Exit codes: 0 no finding; 1 at least one finding; 2 usage or configuration; 4 the log is unavailable, try again.
    """
    from node.commands.audit_replay import audit_replay, selection_of, sources
    from node.terminal.progress import bar

    def opened() -> "Home | None":
        return open_named_home(home) if named_home(home) is not None else None

    selection = selection_of(stream=stream, start=start, until=until)
    found = sources(bus=bus, documents=documents, community=hash_of(community), home=opened)
    with _ended_by_sigterm():
        answer = asyncio.run(audit_replay(found, selection, progress=partial(bar, "replaying", "records")))
    Output(json=json).object(answer)
    return 1 if answer.findings else 0


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the block as an interrupt from the keyboard does, and then the process."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked = False

    def interrupt(_number: int, _frame: object) -> None:
        nonlocal asked
        asked = True
        signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        if asked:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
