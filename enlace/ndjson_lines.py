"""Cuts the pieces of an answer into its lines. Pure."""

from typing import Final

from enlace.errors import AnswerMalformed

LINE_SIZE_BYTES_MAX: Final = 4_000_000  # an answer about one report is far shorter


class Lines:
    """Keeps the beginning of the last line until its end comes. Lines without a character are skipped."""

    def __init__(self) -> None:
        self._begun = b""

    def feed(self, piece: bytes) -> list[bytes]:
        """The lines that end in `piece`. Raises AnswerMalformed about a line that never ends."""
        *ended, self._begun = (self._begun + piece).split(b"\n")
        if len(self._begun) > LINE_SIZE_BYTES_MAX:
            message = f"a line of the answer is longer than {LINE_SIZE_BYTES_MAX:,} bytes"
            raise AnswerMalformed("answer_malformed", message)
        return [line for line in ended if line.strip()]

    def end(self) -> list[bytes]:
        """The last line, if it has no end."""
        last, self._begun = self._begun, b""
        return [last] if last.strip() else []
