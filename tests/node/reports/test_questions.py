"""node/reports/questions.py: which identifier a question asks for, and in which countries."""

import pytest

from node.reports.questions import WORLDWIDE, Parts, Question, QuestionRefused, question_of_parts, question_of_text
from schemas import codes


@pytest.mark.parametrize(
    ("text", "scheme", "value", "country"),
    [
        ("IMO=9074729", "IMO", "9074729", None),
        ("imo = IMO 9074729 ", "IMO", "9074729", None),
        ("bz:passport=p 12-345", "PASSPORT", "P12345", "BZ"),
        (" BZ : PHONE =622 1234", "PHONE", "+5016221234", "BZ"),
        ("NAME=Ñandú = Süd", "NAME", "NANDU = SUD", None),
    ],
)
def test_a_question_is_normalised_as_at_intake(text: str, scheme: str, value: str, country: str | None) -> None:
    """The first `=` ends the scheme; the value may contain others."""
    question = question_of_text(text)

    assert (question.scheme, question.value, question.country) == (scheme, value, country)


def test_a_question_as_text_is_the_same_question() -> None:
    """The access log keeps this text."""
    for text in ("BZ:PASSPORT=P12345", "NAME=ANA PEREZ", "GT:PHONE=+50255101234"):
        assert question_of_text(text).text == text


@pytest.mark.parametrize(
    ("text", "path", "code"),
    [
        ("", "", "wrong_format"),
        ("9074729", "", "wrong_format"),
        ("=9074729", "scheme", "missing"),
        ("SHOE_SIZE=42", "scheme", "unknown_code"),
        ("BZ:SHOE_SIZE=42", "scheme", "unknown_code"),
        (":PLATE=1", "country", "missing"),
        ("ZZ:PLATE=1", "country", "unknown_code"),
        ("BZ:GT:PLATE=1", "country", "unknown_code"),
        ("PLATE=", "value", "missing"),
        ("PLATE= \t", "value", "missing"),
        ("IMO=9074728", "value", "invalid_identifier"),
        ("PHONE=622 1234", "value", "invalid_identifier"),
        ("PLATE=\ud800", "value", "invalid_identifier"),
        ("PLATE=A\x00B", "value", "invalid_identifier"),
    ],
)
def test_the_part_that_is_wrong_is_named(text: str, path: str, code: str) -> None:
    """The error has the path of the part."""
    with pytest.raises(QuestionRefused) as refused:
        question_of_text(text)

    assert (refused.value.error.path, refused.value.error.code) == (path, code)


def test_an_unknown_scheme_lists_the_schemes_and_keeps_the_parts_as_they_were_given() -> None:
    """So an answer can repeat the question."""
    parts = Parts(scheme="shoe", value="42", country="bz")
    with pytest.raises(QuestionRefused) as refused:
        question_of_parts(parts)

    assert refused.value.error.allowed == codes.load("schemes").ordered
    assert refused.value.parts == parts


def test_a_country_narrows_what_each_country_gives_out() -> None:
    """It fits its own reports and those that state no country; worldwide numbers fit everywhere."""
    assert codes.load("schemes").codes > WORLDWIDE
    for scheme in codes.load("schemes").codes:
        question = Question(scheme=scheme, value="X", country="BZ")
        assert question.countries == (None if scheme in WORLDWIDE else ("BZ", ""))
        assert Question(scheme=scheme, value="X", country=None).countries is None
