"""`check` through a gateway. A line that is not a question is refused here, as the local command does."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from enlace import requests
from enlace.answers import decode_object
from enlace.errors import AnswerMalformed
from enlace.operations import ask
from enlace.requests import IDENTIFIERS_MAX, Why
from enlace.sync_session import Session
from node.reports.question_lines import AskedLine, RefusedQuestion
from node.reports.questions import Question

_NO_ANSWER: Final[dict[str, Any]] = {"hit": None, "matches": [], "more": False}


def check(opened: Session, lines: Sequence[AskedLine], *, purpose: str, reason: str) -> Iterator[dict[str, Any]]:
    """One answer for each line, in their order."""
    questions = [question for _, question in lines if isinstance(question, Question)]
    answers = iter(list(_asked(opened, questions, Why(purpose=purpose, reason=reason))))
    for line, question in lines:
        if isinstance(question, Question):
            answer = next(answers)
            yield {"line": line, **answer}
        else:
            yield {"line": line, **_refused(question)}


def _asked(opened: Session, questions: Sequence[Question], why: Why) -> Iterator[dict[str, Any]]:
    for first in range(0, len(questions), IDENTIFIERS_MAX):
        asked = questions[first : first + IDENTIFIERS_MAX]
        parts = [{"scheme": one.scheme, "value": one.value, "country": one.country} for one in asked]
        results = opened.run(ask(requests.check(parts, why), opened.settings.policy, decode_object)).get("results", [])
        if len(results) != len(asked):
            message = f"{len(asked)} identifiers were asked, and {len(results)} answered"
            raise AnswerMalformed("answer_malformed", message)
        yield from results


def _refused(question: RefusedQuestion) -> dict[str, Any]:
    parts = question.parts
    given = {"scheme": parts.scheme, "value": parts.value, "country": parts.country}
    errors = [
        {"path": error.path, "code": error.code, "message": error.message, "allowed": list(error.allowed)}
        for error in question.errors
    ]
    return {**given, **_NO_ANSWER, "errors": errors}
