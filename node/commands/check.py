"""`check`: whether a report is here about a document, a plate, a name or another identifier.

Answers from the store alone, without a bus, a key or a daemon. Rules:

- The purpose and the reason are kept with each question, for hits and for misses (LED Art 25). They are written before
  the answer is given: if they cannot be written, there is no answer.
- Reports that have expired are not hits. The node's own reports are.
- A refused question gets its errors and no `hit`. It is not in the access log, because it read nothing.
- All questions of one call are one read and one write. The caller chooses how many they are.
- The matches of one call have about MATCHES_CHARS_MAX together; above it each question still gets its newest match.
  `more` says that there are others. What is not shown is not in the access log.
"""

from collections.abc import Mapping, Sequence
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
from schemas.excerpts import MESSAGE_CHARACTERS_MAX, within
from schemas.field_errors import FieldError
from schemas.types import Evaluation, IntelligenceReport

MATCHES_MAX: Final = 50  # a person at a border post reads the newest few; `search` shows all
MATCHES_CHARS_MAX: Final = 8_000_000
SHORT_PARTS_CHARS: Final = 1_000  # of a match, without its restrictions in words
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
    """There are other matches, which are not in the answer."""

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
        return [_answered(question, {}, _Room(chars=0)) for question in questions]
    found = await store.read(lambda db: _find(db, valid, now_ms))
    room = _Room(chars=MATCHES_CHARS_MAX)
    answers = [_answered(question, found, room) for question in questions]
    consultations = [
        _logged(question, answer, why)
        for question, answer in zip(questions, answers, strict=True)
        if isinstance(question, Question)
    ]
    await store.write(
        lambda db: access_log.add_consultations(db, consultations, actor=actor, command=COMMAND, now=now_ms)
    )
    return answers


@dataclass(slots=True, kw_only=True)
class _Room:
    """What further matches of a call may take."""

    chars: int

    def take(self, matches: Sequence[Match]) -> tuple[Match, ...]:
        """The newest matches that have room: at least one, and at most MATCHES_MAX."""
        shown: list[Match] = []
        for match in matches[:MATCHES_MAX]:
            size = SHORT_PARTS_CHARS + len(match.handling_text or "")
            if shown and size > self.chars:
                break
            self.chars -= size
            shown.append(match)
        return tuple(shown)


def _find(db: Transaction, questions: Sequence[Question], now_ms: int) -> dict[Question, list[Match]]:
    """The matches of each question, one more than an answer shows.

    Equal questions are looked up once, and a message that several questions find is decoded once.
    """
    limit = MATCHES_MAX + 1
    known: dict[tuple[str, bytes], Match] = {}

    def match(message: MatchingMessage) -> Match:
        name = message.originator, message.message_id
        if name not in known:
            known[name] = _match(message)
        return known[name]

    return {
        question: [match(message) for message in identifier_matches.find(db, question, now=now_ms, limit=limit)]
        for question in dict.fromkeys(questions)
    }


def _match(message: MatchingMessage) -> Match:
    report = message.report()
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


def _answered(
    question: Question | RefusedQuestion, found: Mapping[Question, Sequence[Match]], room: _Room
) -> CheckAnswer:
    if isinstance(question, RefusedQuestion):
        parts = question.parts
        scheme, value, country = (
            None if part is None else within(part, MESSAGE_CHARACTERS_MAX)
            for part in (parts.scheme, parts.value, parts.country)
        )
        return CheckAnswer(scheme=scheme, value=value, country=country, hit=None, errors=question.errors)
    matches = found[question]
    shown = room.take(matches)
    return CheckAnswer(
        scheme=question.scheme,
        value=question.value,
        country=question.country,
        hit=bool(matches),
        matches=shown,
        more=len(matches) > len(shown),
    )


def _logged(question: Question, answer: CheckAnswer, why: Justification) -> Consultation:
    subjects = [str(UUID(bytes=match.message_id)) for match in answer.matches]
    return Consultation(query=question.text, subjects=subjects, purpose=why.purpose, reason=why.reason)
