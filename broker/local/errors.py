"""The errors of local brokers, with a stable code and a hint, as the command line answers them.

LogError
└── LocalError             code, message, hint
    ├── LocalUsage         the user has to install a program or change an argument (exit 2)
    └── LocalUnavailable   the same call may succeed later (exit 4)
"""

from typing import ClassVar

from broker.log import LogError


class LocalError(LogError):
    """An error with a stable code and a hint."""

    def __init__(self, code: str, message: str, *, hint: str) -> None:
        super().__init__(f"{message}; {hint}")
        self.code = code
        self.message = message
        self.hint = hint


class LocalUsage(LocalError):
    """Java or Maven is missing, or the folder cannot be used."""


class LocalUnavailable(LocalError):
    """A broker did not start or stop in time, or another program uses the folder."""

    retriable: ClassVar[bool] = True
