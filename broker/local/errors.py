"""What can go wrong with a local broker: with a stable code and the way out, as the command line answers it.

LogError
└── LocalError             code, message, hint
    ├── LocalUsage         something has to be installed or named otherwise (exit 2)
    └── LocalUnavailable   the same call may succeed later (exit 4)
"""

from typing import ClassVar

from broker.log import LogError


class LocalError(LogError):
    """An error with a stable code and the way out."""

    def __init__(self, code: str, message: str, *, hint: str) -> None:
        super().__init__(f"{message}; {hint}")
        self.code = code
        self.message = message
        self.hint = hint


class LocalUsage(LocalError):
    """Java or Maven is missing, or the folder is another one."""


class LocalUnavailable(LocalError):
    """The broker did not start or stop in time, or somebody else is at it."""

    retriable: ClassVar[bool] = True
