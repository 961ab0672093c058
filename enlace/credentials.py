"""The token of an integrator: where it comes from, and that no text shows it.

It comes from an argument, from a file, or from the variable ENLACE_TOKEN. A socket of this machine needs none: the
kernel identifies the user.
"""

import os
import re
from pathlib import Path
from typing import Final, NoReturn

from enlace.errors import InvalidCall

TOKEN_VARIABLE: Final = "ENLACE_TOKEN"  # noqa: S105 - the name of a variable
FILE_VARIABLE: Final = "ENLACE_TOKEN_FILE"
TOKEN_SIZE_BYTES_MAX: Final = 4_096
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/=-]+")
_HINT: Final = "an administrator of the node creates tokens"


class Token:
    """A secret that only the header of a request contains."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Raises InvalidCall if it cannot be a token; the message does not repeat it."""
        if len(text) > TOKEN_SIZE_BYTES_MAX or not _TOKEN.fullmatch(text):
            message = "the token has characters that no token has"
            raise InvalidCall("token_malformed", message, path="token", hint="copy it again; it is one word")
        self._text = text

    def __repr__(self) -> str:
        """Without the secret."""
        return "Token(…)"

    def header(self) -> tuple[bytes, bytes]:
        """The header of a request that has this token (RFC 6750, 2.1)."""
        return b"Authorization", f"Bearer {self._text}".encode()

    def __reduce__(self) -> NoReturn:
        """Refuse to be copied into a file."""
        raise TypeError("a token is not written anywhere")


def token_from(text: str | None, file: str | os.PathLike[str] | None) -> Token | None:
    """The token of an argument, of a file, or of the environment; None if there is none. Raises InvalidCall."""
    if text is not None:
        return Token(text.strip())
    named = file or os.environ.get(FILE_VARIABLE)
    if named:
        return Token(_first_line(Path(named)))
    given = os.environ.get(TOKEN_VARIABLE)
    return Token(given.strip()) if given else None


def _first_line(file: Path) -> str:
    try:
        with file.open("rb") as data:
            read = data.read(TOKEN_SIZE_BYTES_MAX + 2)
        return read.decode("ascii").strip()
    except OSError as error:
        message = f"{file}: {error.strerror}"
    except UnicodeDecodeError:
        message = f"{file} is not a file with a token"
    raise InvalidCall("token_unreadable", message, path="token_file", hint=_HINT)
