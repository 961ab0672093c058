"""`check`: whether a report is here about a document, a plate, a name or another identifier.

Answers from the store alone, without a bus, a key or a daemon. Rules:

- The purpose and the reason are kept with each question, for hits and for misses (LED Art 25). They are written before
  the answer is given: if they cannot be written, there is no answer.
- Reports that have expired are not hits. The node's own reports are.
- A refused question gets its errors and no `hit`. It is not in the access log, because it read nothing.
- All questions of one call are one read and one write. The caller chooses how many they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from node.answers.plain_json import MessageId
from node.commands.justification import Justification
from node.database.engine import Store, Transaction
from node.reports.question_lines import RefusedQuestion
from node.reports.questions import Question
from node.store import access_log, identifier_matches
from node.store.access_log import Consultation
from node.store.identifier_matches import MatchingMessage
from schemas.field_errors import FieldError
from schemas.types import Evaluation, IntelligenceReport

MATCHES_MAX: Final = 50  # a person at a border post reads the newest few; `search` shows all
COMMAND: Final = "check"


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A report that has the identifier, with what restricts its use and what it is worth."""

    message_id: MessageId
    originator: str
    handling: tuple[str, ...]
    evaluation: Evaluation
    subjects: tuple[str, ...]
    report_id: str
    handling_text: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckAnswer:
    """The answer to one question."""

    scheme: str | None
    value: str | None
    """Normalised; as it was given in a refused question."""

    country: str | None
    hit: bool | None
    """None for a refused question."""

    matches: tuple[Match, ...] = ()
    """The newest first, at most MATCHES_MAX."""

    more: bool = False
    """There are older matches, which are not in the answer."""

    errors: tuple[FieldError, ...] = ()


async def check(
    store: Store,
    questions: Sequence[Question | RefusedQuestion],
    *,
    why: Justification,
    actor: str,
    now_ms: int,
) -> list[CheckAnswer]:
    """The answers to `questions`, in their order. Raises Unavailable if they cannot be logged."""
    valid = [question for question in questions if isinstance(question, Question)]
    if not valid:
        return [_answered(question, {}) for question in questions]
    found = await store.read(lambda db: _find(db, valid, now_ms))
    answers = [_answered(question, found) for question in questions]
    consultations = [_logged(question, found[question], why) for question in valid]
    await store.write(
        lambda db: access_log.add_consultations(db, consultations, actor=actor, command=COMMAND, now=now_ms)
    )
    return answers


def _find(db: Transaction, questions: Sequence[Question], now_ms: int) -> dict[Question, list[Match]]:
    """The matches of each question, one more than an answer shows; equal questions are looked up once."""
    limit = MATCHES_MAX + 1
    return {
        question: [_match(message) for message in identifier_matches.find(db, question, now=now_ms, limit=limit)]
        for question in dict.fromkeys(questions)
    }


def _match(message: MatchingMessage) -> Match:
    report = message.report
    if not isinstance(report, IntelligenceReport):
        raise TypeError(f"a {type(report).__name__} has no evaluation; say what `check` shows of it")
    return Match(
        message_id=message.message_id,
        originator=message.originator,
        handling=report.handling,
        evaluation=report.evaluation,
        subjects=report.subjects,
        report_id=message.report_id,
        handling_text=report.handling_text,
    )


def _answered(question: Question | RefusedQuestion, found: dict[Question, list[Match]]) -> CheckAnswer:
    if isinstance(question, RefusedQuestion):
        parts = question.parts
        return CheckAnswer(
            scheme=parts.scheme, value=parts.value, country=parts.country, hit=None, errors=question.errors
        )
    matches = found[question]
    return CheckAnswer(
        scheme=question.scheme,
        value=question.value,
        country=question.country,
        hit=bool(matches),
        matches=tuple(matches[:MATCHES_MAX]),
        more=len(matches) > MATCHES_MAX,
    )


def _logged(question: Question, matches: Sequence[Match], why: Justification) -> Consultation:
    shown = [str(UUID(bytes=match.message_id)) for match in matches[:MATCHES_MAX]]
    return Consultation(query=question.text, subjects=shown, purpose=why.purpose, reason=why.reason)
