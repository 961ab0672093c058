"""Reads a question about an identifier: `SCHEME=VALUE`, or `CC:SCHEME=VALUE` with the country that gave it out.

Pure. Searches and `check` ask in this form. Rules:

- The value is normalised as at intake (node/reports/identifiers.py), so any spelling finds it. Scheme and country may
  be in lower case.
- A question with a country fits the reports that state this country, and those that state none.
- A question without a country fits every country.
- Values of the schemes in WORLDWIDE are different in all countries. Their country only helps to read the value, such as
  a national phone number; it excludes no report.
"""

from dataclasses import dataclass
from typing import Final

from node.reports.identifier_text import IdentifierError
from node.reports.identifiers import normalise
from node.reports.match_keys import match_key
from schemas import codes
from schemas.excerpts import quoted
from schemas.field_errors import FieldError

WORLDWIDE: Final = frozenset({"VIN", "IMO", "MMSI", "AIRCRAFT_REGISTRATION", "PHONE", "IBAN"})
"""Schemes of which no two countries give out the same value."""

FORM: Final = "SCHEME=VALUE or CC:SCHEME=VALUE"


class QuestionRefused(ValueError):
    """A question that has an error, with its parts as far as they could be read."""

    def __init__(self, error: FieldError, *, hint: str, parts: "Parts") -> None:
        super().__init__(error.message)
        self.error = error
        self.hint = hint
        self.parts = parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of a question as they were given; None where a part could not be found."""

    scheme: str | None = None
    value: str | None = None
    country: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What to look for. Made by `question_of_text` and `question_of_parts`."""

    scheme: str
    value: str
    """Normalised."""

    country: str | None
    """ISO 3166-1 alpha-2; None for every country."""

    @property
    def key(self) -> str:
        """The value as the index holds it."""
        return match_key(self.scheme, self.value)

    @property
    def countries(self) -> tuple[str, str] | None:
        """The countries of reports that fit, an empty text for none stated; None: every country fits."""
        return None if self.country is None or self.scheme in WORLDWIDE else (self.country, "")

    @property
    def text(self) -> str:
        """The question as text, as the access log keeps it."""
        return f"{self.country}:{self.scheme}={self.value}" if self.country else f"{self.scheme}={self.value}"


def question_of_text(text: str) -> Question:
    """The question in the form of FORM. Raises QuestionRefused."""
    named, separator, value = text.partition("=")
    if not separator:
        error = FieldError(path="", code="wrong_format", message=f"must be {FORM}")
        raise QuestionRefused(error, hint="write it as IMO=9074729 or BZ:PASSPORT=P1234567", parts=Parts())
    country, colon, scheme = named.rpartition(":")
    return question_of_parts(Parts(scheme=scheme.strip(), value=value, country=country.strip() if colon else None))


def question_of_parts(parts: Parts) -> Question:
    """The question with this scheme, value and country. Raises QuestionRefused about the first part that is wrong."""
    scheme = _code(parts, "scheme", "schemes", parts.scheme)
    country = None if parts.country is None else _code(parts, "country", "countries", parts.country)
    if parts.value is None or not parts.value.strip():
        error = FieldError(path="value", code="missing", message="must not be empty")
        raise QuestionRefused(error, hint=f"write {FORM}", parts=parts)
    try:
        value = normalise(scheme, parts.value, country)
    except IdentifierError as refused:
        error = FieldError(path="value", code="invalid_identifier", message=str(refused))
        raise QuestionRefused(error, hint=refused.hint, parts=parts) from None
    return Question(scheme=scheme, value=value, country=country)


def _code(parts: Parts, path: str, list_name: str, text: str | None) -> str:
    listed = codes.load(list_name)
    code = (text or "").upper()
    if code in listed.codes:
        return code
    allowed = listed.ordered if list_name == "schemes" else ()
    if not code:
        error = FieldError(path=path, code="missing", message="must not be empty", allowed=allowed)
    else:
        message = f"{quoted(code)} is not one of {list_name} (version {listed.version})"
        error = FieldError(path=path, code="unknown_code", message=message, allowed=allowed)
    named = ", ".join(listed.ordered) if allowed else "a code of ISO 3166-1 alpha-2, such as BZ"
    raise QuestionRefused(error, hint=f"one of {named}" if allowed else named, parts=parts)
