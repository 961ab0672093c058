"""Makes a million different reports quickly: one report is encoded, and its texts are replaced.

All data is synthetic, and the same for the same number.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, Final
from uuid import UUID

from bench import material
from node.database.fulltext import stored_form
from node.reports.labels import expires_at
from node.reports.search_terms import search_terms
from node.reports.validate import validate
from node.stages import Draft

WORDS: Final = 60
_SYLLABLES: Final = [consonant + vowel for consonant in "bcdfglmnprstvz" for vowel in "aeiou"]
_VOCABULARY: Final = [f"{first}{second}{third}" for first, second, third in product(_SYLLABLES[:16], repeat=3)]
_WORD_LENGTH: Final = 6

_REPORT_ID: Final = "ffffffff-ffff-5fff-8fff-ffffffffffff"
_PASSPORT: Final = "P99999998"
_PHONE: Final = "+5019999997"
_NAME: Final = "SEATEST99996"
_PLATE: Final = "C9999995"
_TEXT: Final = "q" * (WORDS * (_WORD_LENGTH + 1) - 1)
_MARKERS: Final = (_REPORT_ID, _TEXT, _PASSPORT, _PHONE, _NAME, _PLATE)

PASSPORT_COUNTRY: Final = "BZ"
PLATE_COUNTRY: Final = "MX"


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeReport:
    """The texts of one report in which it differs from the others."""

    report_id: str
    text: str
    passport: str
    phone: str
    name: str
    plate: str

    def identifiers(self) -> Iterator[tuple[str, str, str]]:
        """Scheme, normalised value and country, empty if none is stated."""
        yield "PASSPORT", self.passport, PASSPORT_COUNTRY
        yield "PLATE", self.plate, PLATE_COUNTRY
        yield from (("PHONE", self.phone, ""), ("NAME", self.name, ""))


def large_report(number: int) -> LargeReport:
    """The report of this number, from 0. Numbers that follow each other have values far from each other."""
    noise = hashlib.shake_128(number.to_bytes(8, "big")).digest(16 + 2 * WORDS)
    values = memoryview(noise)[16:].cast("H")
    return LargeReport(
        report_id=str(UUID(bytes=noise[:16], version=5)),
        text=" ".join([_VOCABULARY[value * value >> 20] for value in values]),  # a few words are frequent
        passport=f"P{number * 48_271 % 99_999_989:08d}",
        phone=f"+501{2_000_000 + number * 48_271 % 7_999_993:07d}",
        name=f"SEATEST{number * 48_271 % 49_999:05d}",
        plate=f"C{number * 48_271 % 9_999_991:07d}",
    )


class ReportTemplate:
    """An encoded report, cut where its texts are."""

    def __init__(self, region: str, now_ms: int) -> None:
        draft = _draft(region, now_ms)
        self.terms = search_terms(draft.report)
        self.expires_at = expires_at(draft.report)
        self._parts = list(_parts(draft.payload))

    def text(self, report: LargeReport) -> str:
        """The words of `report` as the full-text index holds them."""
        text = self.terms.text
        for marker, own in zip(_MARKERS[1:], _texts(report)[1:], strict=True):
            text = text.replace(marker.removeprefix("+"), own.removeprefix("+"))
        return stored_form(text)

    def payload(self, report: LargeReport) -> bytes:
        """The encoding of `report`."""
        head, *parts = self._parts
        return head + b"".join([text.encode() + part for text, part in zip(_texts(report), parts, strict=True)])


def _texts(report: LargeReport) -> tuple[str, ...]:
    """In the order of _MARKERS."""
    return report.report_id, report.text, report.passport, report.phone, report.name, report.plate


def _parts(payload: bytes) -> Iterator[bytes]:
    rest = payload
    for marker in _MARKERS:
        part, found, rest = rest.partition(marker.encode())
        if not found:
            raise AssertionError(f"{marker} is not in the encoded report, or not in its place")
        yield part
    yield rest


def _draft(region: str, now_ms: int) -> Draft:
    made: dict[str, Any] = material.report(0, now_ms)
    made["report_id"], made["region"] = _REPORT_ID, region
    made["narrative"]["text"] = f"{_TEXT} {made['narrative']['text'][:160]}"
    person, vessel, vehicle, _ = made["entities"]
    person["identifiers"][0] |= {"value": _PASSPORT, "country": PASSPORT_COUNTRY}
    person["identifiers"][1]["value"] = _PHONE
    vessel["identifiers"][0]["value"] = _NAME
    vehicle["identifiers"][0] |= {"value": _PLATE, "country": PLATE_COUNTRY}
    topology = material.topology(material.CODES, region)
    return validate(made, originator=material.ORIGINATOR, topology=topology, now_ms=now_ms, resolve_references={})
