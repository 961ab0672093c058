"""The terminal of the live view: shows frames, and hears the key that ends it.

A frame is written at once over the last one, so that nothing flickers. A terminal that cannot move its cursor, and a
pipe, get one frame below the other. However the view ends, the terminal is as it was before.
"""

import asyncio
import os
import signal
import sys
import termios
import tty
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, TextIO

from rich.console import Console
from rich.text import Text

from node.errors import Unavailable
from node.top.frame import clean, frame
from node.top.overview import Overview

_BEGIN: Final = "\x1b[?1049h\x1b[?25l"  # another screen, without the cursor
_END: Final = "\x1b[?25h\x1b[?1049l"
_CLEAR: Final = "\x1b[2J"
_HOME: Final = "\x1b[H"
_END_OF_LINE: Final = "\x1b[K\r\n"
_BELOW: Final = "\x1b[J"
_DUMB: Final = frozenset({"", "dumb", "unknown"})
SIZE_WITHOUT_TERMINAL: Final = (100, 40)


class Screen:
    """The standard output, as a place for frames."""

    def __init__(self, out: TextIO, *, stopping: asyncio.Event, live: bool) -> None:
        """`live`: replace the last frame by the next one, if the terminal can."""
        self._out = out
        self._stopping = stopping
        self._drawn: tuple[Overview, str] | None = None
        self.is_live = live and out.isatty() and os.environ.get("TERM", "") not in _DUMB
        self._console = Console(
            file=out,
            force_terminal=self.is_live,
            color_system="standard" if self.is_live and "NO_COLOR" not in os.environ else None,
            legacy_windows=False,
            highlight=False,
            width=1000,
        )

    @property
    def size(self) -> tuple[int, int | None]:
        """Columns, and lines if there is a limit: those of the terminal; COLUMNS and LINES may be out of date."""
        if not self._out.isatty():
            return SIZE_WITHOUT_TERMINAL[0], None
        columns, lines = os.get_terminal_size(self._out.fileno())
        return columns or SIZE_WITHOUT_TERMINAL[0], (lines or SIZE_WITHOUT_TERMINAL[1]) if self.is_live else None

    def draw(self, seen: Overview, note: str = "") -> None:
        """Show a look, with a last line."""
        self._drawn = seen, note
        width, height = self.size
        self._show(frame(seen, width=width, height=height, note=note))

    def failed(self, error: Unavailable) -> None:
        """A look failed: say so below the last one that did not."""
        note = clean(f"{error.code}: {error.message}")
        if self._drawn is not None and self.is_live:
            self._show(frame(self._drawn[0], width=self.size[0], height=self.size[1], note=note))
        else:
            sys.stderr.write(f"{note}\n")

    def _redraw(self) -> None:
        """The terminal has another size."""
        if self._drawn is not None and self.is_live:
            self._out.write(_CLEAR)
            self.draw(*self._drawn)

    def _show(self, lines: Sequence[Text]) -> None:
        with self._console.capture() as captured:
            for line in lines:
                self._console.print(line, soft_wrap=True, markup=False)
        text = captured.get().rstrip("\n")
        if self.is_live:
            text = _HOME + text.replace("\n", _END_OF_LINE) + "\x1b[K" + _BELOW
        else:
            text += "\n\n"
        self._out.write(text)
        self._out.flush()

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Use the terminal; `stopping` is set by q, Ctrl-C or SIGTERM."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stopping.set)
        loop.add_signal_handler(signal.SIGWINCH, self._redraw)
        try:
            with self._keys(), self._other_screen():
                yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGWINCH):
                loop.remove_signal_handler(number)

    @contextmanager
    def _other_screen(self) -> Iterator[None]:
        if not self.is_live:
            yield
            return
        self._out.write(_BEGIN)
        try:
            yield
        finally:
            self._out.write(_END)
            self._out.flush()

    @contextmanager
    def _keys(self) -> Iterator[None]:
        """Hear keys without Enter, if keys come from a terminal."""
        if not self.is_live or sys.stdin is None or not sys.stdin.isatty():
            yield
            return
        loop, keyboard = asyncio.get_running_loop(), sys.stdin.fileno()
        before = termios.tcgetattr(keyboard)
        tty.setcbreak(keyboard)
        loop.add_reader(keyboard, self._pressed, keyboard)
        try:
            yield
        finally:
            loop.remove_reader(keyboard)
            termios.tcsetattr(keyboard, termios.TCSADRAIN, before)

    def _pressed(self, keyboard: int) -> None:
        """A key was pressed; the end of the input ends the view too."""
        try:
            keys = os.read(keyboard, 64)
        except OSError:
            keys = b""
        if not keys or b"q" in keys.lower():
            self._stopping.set()
            asyncio.get_running_loop().remove_reader(keyboard)
