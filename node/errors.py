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

# By step of the verification procedure (wire-format, "Verification, in this order").
REJECTION_STEP: dict[str, int] = {
    "record_too_large": 1,
    "framing_invalid": 1,
    "batch_malformed": 2,
    "community_mismatch": 2,
    "stream_mismatch": 2,
    "key_unknown": 3,
    "key_use_wrong": 3,
    "suite_unknown": 3,
    "signature_invalid": 4,
    "path_invalid": 5,
    "content_mismatch": 6,
    "header_malformed": 7,
    "body_malformed": 7,
    "equivocation": 8,
    "chain_invalid": 9,
    "message_id_reused": 10,
    "key_not_valid": 11,
    "governance_stale": 12,
    "grant_unlawful": 13,
    "audience_key_mismatch": 13,
    "commitment_mismatch": 14,
    "decryption_failed": 15,
    "labels_mismatch": 16,
    "payload_schema_unknown": 16,
    "payload_malformed": 16,
}


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
    """A record failed a step of the verification; `detail` stays in the node's own store."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.step = REJECTION_STEP[code]


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
