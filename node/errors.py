"""What can go wrong, in one tree.

    EnlaceError                code, message, path, hint
    ├── Rejected               the message is at fault: recorded with its code and raw bytes, the position moves
    ├── RestartNeeded          the process cannot go on, a new one may: the supervisor starts it again (exit 75)
    ├── Refused                input at intake is at fault: nothing was written (exit 1)
    ├── UsageError             the command, the configuration or a document is at fault (exit 2)
    └── Unavailable            the world is at fault: back off and try again (exit 4)

Everything else that is raised is a bug: nothing catches it and the process ends with exit code 70.
Codes are stable snake_case texts; log, row, answer and manual use the same.
"""

from typing import ClassVar, Final

EXIT_BUG: Final = 70


class EnlaceError(Exception):
    """An error with a stable code, the field or place it concerns and the way out."""

    exit_code: ClassVar[int] = 1

    def __init__(self, code: str, message: str, *, path: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.path = path
        self.hint = hint


class Rejected(EnlaceError):
    """A record failed a step of the verification. The code decides the step: see `node/verification/steps.py`."""

    def __init__(self, code: str, detail: str) -> None:
        """`detail` stays in the node's own store."""
        super().__init__(code, detail)


class Refused(EnlaceError):
    """Input was refused and nothing of it was written."""


class UsageError(EnlaceError):
    """The command line, the configuration or an installed document is at fault."""

    exit_code = 2


class RestartNeeded(EnlaceError):
    """A daemon that cannot mend itself asks its supervisor for a new process."""

    exit_code = 75


class Unavailable(EnlaceError):
    """The log, the store or another part of the world is away; the same call may succeed later."""

    exit_code = 4
