"""Why a user consults reports: a purpose of the list of purposes, and a reason in words (LED Art 25(2)). Pure."""

import unicodedata
from dataclasses import dataclass
from typing import Final

from node.answers.arguments import parse_code
from node.errors import UsageError

REASON_CHARACTERS_MAX: Final = 500  # a case number and some sentences; it is kept in each entry of the access log
_JOINERS: Final = "\u200c\u200d"  # Persian and Indic spellings need them
_REFUSED_CATEGORIES: Final = frozenset({"Cc", "Cf", "Co", "Cs"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Justification:
    """What the access log says about the purpose and the reason of a consultation; None where none was given."""

    purpose: str | None = None
    """A code of the list of purposes."""

    reason: str | None = None


NO_REASON: Final = Justification()


def justification_of(purpose: str | None, reason: str | None) -> Justification:
    """Purpose and reason, where they were given. Raises UsageError that names the wrong one."""
    return Justification(
        purpose=None if purpose is None else _purpose(purpose), reason=None if reason is None else _reason(reason)
    )


def required_justification(purpose: str | None, reason: str | None) -> Justification:
    """Purpose and reason, both of which must be given. Raises UsageError that names the missing or wrong one."""
    for field, value in (("purpose", purpose), ("reason", reason)):
        if value is None:
            raise _missing(field)
    return justification_of(purpose, reason)


def _purpose(text: str) -> str:
    if not text.strip():
        raise _missing("purpose")
    return parse_code(text.strip(), "purposes", "purpose")


def _reason(text: str) -> str:
    """The reason on one line, with single spaces."""
    line = " ".join(text.split())
    if not line:
        raise _missing("reason")
    if len(line) > REASON_CHARACTERS_MAX:
        message = f"the reason has {len(line):,} characters; {REASON_CHARACTERS_MAX:,} are allowed"
        raise UsageError("value_invalid", message, path="reason", hint="name the case and the occasion only")
    if any(unicodedata.category(char) in _REFUSED_CATEGORIES and char not in _JOINERS for char in line):
        raise UsageError("value_invalid", "the reason contains characters that cannot be printed", path="reason")
    return line


def _missing(field: str) -> UsageError:
    hint = (
        "give a code of the list of purposes, such as INFORMATION_EXCHANGE"
        if field == "purpose"
        else "say in words why you ask, such as the number of the case"
    )
    return UsageError("purpose_missing", f"a {field} is needed; the access log keeps it", path=field, hint=hint)
