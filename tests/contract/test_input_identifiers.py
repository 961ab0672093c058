"""Identifiers and words of reports that two forces write differently meet: from `publish` to `search` and `check`."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.contract import cli, ok, step
from tests.support.exchange import report
from tests.support.processes import agreement, lab

CYRILLIC, GREEK, LATIN = "\u0410123\u0412\u0421-77", "\u0399\u039a\u03a4 2345", "a-123 bc 77"
LATIN_KEYS = {"cyrillic": "A123 BC-77", "greek": "IKT-2345"}


def entity(number: int, scheme: str, value: str, **more: str) -> dict[str, Any]:
    kind = {"PHONE": "PHONE", "AIRCRAFT_REGISTRATION": "AIRCRAFT", "MMSI": "VESSEL"}.get(scheme, "VEHICLE")
    identifiers = [{"scheme": scheme, "value": value, **more}]
    return {"id": number, "kind": kind, "statement": "FACT", "identifiers": identifiers}


def line(words: str, *entities: dict[str, Any]) -> str:
    return json.dumps(
        report(narrative={"text": words, "language": "en"}, entities=list(entities), retain_until="2035-06-30")
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """GT holds reports of BZ whose identifiers are written in several ways."""
    folder = tmp_path_factory.mktemp("meet")
    made = lab(folder, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"], ("DRUG_TRAFFICKING", "CONTRABAND")))
    lines = [
        line("cyrillic", entity(1, "PLATE", CYRILLIC)),
        line("latin", entity(1, "PLATE", LATIN)),
        line("greek", entity(1, "PLATE", GREEK)),
        line("phone", entity(1, "PHONE", "+501\u200b 223\u00ad 2222\u2060")),
        line("military", entity(1, "AIRCRAFT_REGISTRATION", "43+29")),
        line("buoy", entity(1, "MMSI", "993126001")),
        line("serial", entity(1, "SERIAL", "TEST-18 233/B")),
    ]
    ok("publish", "-", home=made["BZ"], data="\n".join(lines).encode())
    step(*made.values())
    return made["GT"]


def found(home: Path, *filters: str) -> list[str]:
    return sorted(row["report"]["narrative"]["text"] for row in ok("search", *filters, home=home))


def hits(home: Path, question: str) -> int:
    why = ("--purpose", "CROSS_CHECKING", "--reason", "test")
    [answer] = ok("check", "-", *why, home=home, data=question.encode())
    return len(answer["matches"])


@pytest.mark.parametrize(
    ("questions", "expected"),
    [
        ((CYRILLIC, LATIN, "A123BC77", "\u0391123\u0392\u042177", "A123BC\u0667\u0667"), ["cyrillic", "latin"]),
        ((GREEK, "IKT-2345", "\u0406\u041a\u0422 2345"), ["greek"]),
    ],
)
def test_a_plate_in_letters_that_look_alike_is_one_plate(
    home: Path, questions: tuple[str, ...], expected: list[str]
) -> None:
    """In Latin, Greek and Cyrillic letters, in `search` and `check`; each report keeps what was written."""
    for question in questions:
        assert found(home, "--identifier", f"PLATE={question}") == expected
        assert hits(home, f"PLATE={question}") == len(expected)
    assert found(home, "--text", LATIN_KEYS[expected[0]]) == expected

    [row] = ok("search", "--text", "cyrillic", home=home)
    assert row["report"]["entities"][0]["identifiers"][0]["value"] == "\u0410123\u0412\u042177"


@pytest.mark.parametrize("question", ["PHONE=+5012232222", "PHONE=+50\u200b12232222", "BZ:PHONE=501\u00ad2232222"])
def test_what_no_reader_sees_does_not_matter_at_intake_in_search_and_check(home: Path, question: str) -> None:
    assert found(home, "--identifier", question) == ["phone"]
    assert hits(home, question) == 1


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (("--identifier", "AIRCRAFT_REGISTRATION=43+29"), ["military"]),
        (("--identifier", "AIRCRAFT_REGISTRATION=4329", "--identifier", "MMSI=993126001"), ["buoy", "military"]),
        (("--text", "TEST-18 233/B"), ["serial"]),
        (("--text", "test18233b", "--text", "+501 223 2222"), ["phone", "serial"]),
        (("--text", "2232222"), []),
    ],
)
def test_numbers_are_found_as_identifiers_and_as_text(
    home: Path, filters: tuple[str, ...], expected: list[str]
) -> None:
    assert found(home, *filters) == expected


@pytest.mark.parametrize(
    ("value", "country", "expected"),
    [
        ("501 223 2222", "BZ", "+5012232222"),
        ("52 55 1234 5678", "MX", "+525512345678"),
        ("502 2412 3456", "GT", "+50224123456"),
        ("56 9 6123 4567", "CL", "+56961234567"),
        ("55 11 1234567", "BR", None),
        ("49 30 1234567", "DE", None),
    ],
)
def test_a_number_with_its_calling_code_is_recognised_or_refused_as_ambiguous(
    home: Path, value: str, country: str, expected: str | None
) -> None:
    """No number gets a calling code twice; the error shows the numbers that it can be."""
    data = line("x", entity(1, "PHONE", value, country=country)).encode()
    [answer] = cli("publish", "-", "--dry-run", home=home, data=data).objects

    if expected is not None:
        assert answer["outcome"] == "accepted"
        assert hits(home, f"{country}:PHONE={value}") == hits(home, f"PHONE={expected}")
    else:
        [error] = answer["errors"]
        assert (error["path"], error["code"]) == ("entities[0].identifiers[0].value", "invalid_identifier")
        assert f"+{value.replace(' ', '')}" in error["message"]


@pytest.mark.parametrize(
    ("scheme", "value"),
    [("MMSI", "123456789"), ("MMSI", "000000000"), ("MMSI", "800000001"), ("AIRCRAFT_REGISTRATION", "V3+HGX")],
)
def test_a_number_that_no_station_can_have_is_refused(home: Path, scheme: str, value: str) -> None:
    [answer] = cli("publish", "-", "--dry-run", home=home, data=line("x", entity(1, scheme, value)).encode()).objects

    assert [error["code"] for error in answer["errors"]] == ["invalid_identifier"]
    assert cli("search", "--identifier", f"{scheme}={value}", home=home).error["path"] == "--identifier"
