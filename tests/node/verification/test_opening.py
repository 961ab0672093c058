"""Steps 14 to 17: what an originator with the right keys can still do wrong is never stored."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import structs

from node.limits import CLOCK_SKEW_MS_MAX, DAY_MS
from node.primitives import expand, frame, padded_length
from node.reports.labels import labels_of
from node.stages import Decision
from node.system_random import random_bytes
from node.verification.steps import STEP_OF_REJECTION
from schemas import schema_files
from schemas.avro import codec
from schemas.types import (
    Connection,
    LabelKind,
    MessageType,
    Person,
    Recall,
    Reference,
)
from tests.support.readers import (
    code_of,
    decide,
    granted,
    judge,
    world,
)
from tests.support.records import (
    NOW,
    AudienceKey,
    Author,
    report_of,
    sealed,
)

H = bytes(range(32))
REPORT = report_of()
LABELS = labels_of(REPORT, H)
PAYLOAD = codec.encode(REPORT)


def decision(make: Callable[[Author, AudienceKey], bytes], *, now: int = NOW, by: str = "GT", **case: Any) -> Decision:
    """What GT decides about a message that BZ made; the grant is lawful."""
    author = world().author()
    key, grant = granted(author, *case.pop("clauses", ()))
    record = author.grant(grant)
    return decide(judge(by), make(author, key), record, now=now, **case)


def outcome(make: Callable[[Author, AudienceKey], bytes], **case: Any) -> str:
    return code_of(decision(make, **case))


def message(**leaf: Any) -> Callable[[Author, AudienceKey], bytes]:
    return lambda author, key: author.message(key, leaf.pop("report", REPORT), **leaf)


def content(seal: Callable[[bytes, bytes], bytes]) -> Callable[[Author, AudienceKey], bytes]:
    """A message whose content `seal(framed, message key)` makes."""
    return message(seal=seal)


def test_a_lawful_message_is_opened_as_it_was_sealed() -> None:
    found = decision(message())

    assert code_of(found) == "stored"
    assert found.opened is not None
    assert found.opened.content == REPORT
    assert (found.agreement, found.clause) == ("BZ-GT", "1")


# Steps 14 and 15: the bytes.


def encrypted(message_key: bytes, plain: bytes) -> bytes:
    nonce = random_bytes(12)
    box = AESGCM(expand(message_key, "enlace/1 content key"))
    return expand(message_key, "enlace/1 commitment") + nonce + box.encrypt(nonce, plain, None)


def plaintext(change: Callable[[bytes], bytes]) -> Callable[[Author, AudienceKey], bytes]:
    """A message with another plaintext before padding."""
    return content(lambda framed, key: encrypted(key, change(framed)))


def flipped(data: bytes, place: int) -> bytes:
    out = bytearray(data)
    out[place] ^= 1
    return bytes(out)


def pad(framed: bytes) -> bytes:
    return framed.ljust(padded_length(len(framed)), b"\x00")


BYTES: dict[str, tuple[str, Callable[[Author, AudienceKey], bytes]]] = {
    "commitment of another key": (
        "commitment_mismatch",
        content(lambda framed, key: expand(H, "enlace/1 commitment") + sealed(framed, key)[32:]),
    ),
    "first bit of the commitment": ("commitment_mismatch", content(lambda f, key: flipped(sealed(f, key), 0))),
    "last bit of the commitment": ("commitment_mismatch", content(lambda f, key: flipped(sealed(f, key), 31))),
    "sealed under another key": ("commitment_mismatch", content(lambda framed, _: sealed(framed, H))),
    "nonce": ("decryption_failed", content(lambda framed, key: flipped(sealed(framed, key), 32))),
    "ciphertext": ("decryption_failed", content(lambda framed, key: flipped(sealed(framed, key), 44))),
    "tag": ("decryption_failed", content(lambda framed, key: flipped(sealed(framed, key), -1))),
    "random bytes behind the commitment": (
        "decryption_failed",
        content(lambda _, key: expand(key, "enlace/1 commitment") + random_bytes(28 + 1024)),
    ),
    "labels longer than the plaintext": ("decryption_failed", plaintext(lambda f: pad(b"\x00\x10" + f[2:]))),
    "labels of 4 GB": ("decryption_failed", plaintext(lambda f: pad(b"\xff\xff\xff\xff" + f[4:]))),
    "payload longer than the plaintext": (
        "decryption_failed",
        plaintext(lambda _: pad(frame(codec.encode(LABELS)) + b"\xff\xff\xff\xff")),
    ),
    "labels that leave no room for a length": (
        "decryption_failed",
        plaintext(lambda _: (1024 - 6).to_bytes(4, "big") + bytes(1020)),
    ),
    "labels to the very end": ("decryption_failed", plaintext(lambda _: (1020).to_bytes(4, "big") + bytes(1020))),
    "padding that is not zero": ("decryption_failed", plaintext(lambda f: flipped(pad(f), -1))),
    "first byte of padding that is not zero": ("decryption_failed", plaintext(lambda f: pad(f + b"\x01"))),
    "padded too far": (
        "decryption_failed",
        plaintext(lambda f: f.ljust(padded_length(padded_length(len(f)) + 1), b"\x00")),
    ),
    "a third frame": ("decryption_failed", plaintext(lambda f: pad(f + frame(b"x")))),
}


@pytest.mark.parametrize(("code", "make"), BYTES.values(), ids=BYTES)
def test_content_that_was_sealed_in_another_way_is_refused(
    code: str, make: Callable[[Author, AudienceKey], bytes]
) -> None:
    assert outcome(make) == code


def unpadded(labels: bytes, payload: bytes) -> Callable[[Author, AudienceKey], bytes]:
    """Frames that fill a plaintext of 1,024 bytes without padding."""
    assert 4 + len(labels) + 4 + len(payload) == 1024
    return message(labels=labels, payload=payload, seal=lambda framed, key: encrypted(key, framed))


UNPADDED = {
    "the last frame is empty": unpadded(bytes(1016), b""),
    "the last frame has content": unpadded(codec.encode(LABELS), bytes(1016 - len(codec.encode(LABELS)))),
}


@pytest.mark.parametrize("make", UNPADDED.values(), ids=UNPADDED)
def test_frames_may_fill_the_plaintext(make: Callable[[Author, AudienceKey], bytes]) -> None:
    """Step 15 passes, and step 16 finds that labels or payload are zeros."""
    assert outcome(make) == "payload_malformed"


# Step 16: labels and payload.


def relabelled(**fields: Any) -> Callable[[Author, AudienceKey], bytes]:
    return message(labels=structs.replace(LABELS, **fields))


def payload(data: bytes) -> Callable[[Author, AudienceKey], bytes]:
    return message(payload=data)


def report(**fields: Any) -> Callable[[Author, AudienceKey], bytes]:
    """A changed report whose labels agree with it."""
    return message(report=structs.replace(REPORT, **fields))


ELSEWHERE = Reference(originator="GT", message_id=bytes(16))
CONTENT: dict[str, tuple[str, Callable[[Author, AudienceKey], bytes]]] = {
    "labels of another hash": ("labels_mismatch", message(sealing={"labels_hash": H})),
    "kind": ("labels_mismatch", relabelled(kind=LabelKind.REQUEST)),
    "kind of a recall": ("labels_mismatch", relabelled(kind=LabelKind.RECALL)),
    "created_at": ("labels_mismatch", relabelled(created_at=LABELS.created_at - 1)),
    "retain_until": ("labels_mismatch", relabelled(retain_until=LABELS.retain_until - 1)),
    "references": ("labels_mismatch", relabelled(references=(ELSEWHERE,))),
    "subjects": ("labels_mismatch", relabelled(subjects=("CONTRABAND",))),
    "a subject left out": ("labels_mismatch", relabelled(subjects=())),
    "subject_categories": ("labels_mismatch", relabelled(subject_categories=("SUSPECT",))),
    "special_category": ("labels_mismatch", relabelled(special_category=True)),
    "handling": ("labels_mismatch", relabelled(handling=("H0", "H1"))),
    "urgency": ("labels_mismatch", relabelled(urgency="URGENT")),
    "purpose": ("labels_mismatch", relabelled(purpose="NONE")),
    "expires a day later": (
        "labels_mismatch",
        message(expires_at=(REPORT.retain_until + 2) * DAY_MS),
    ),
    "expires a day earlier": ("labels_mismatch", message(expires_at=REPORT.retain_until * DAY_MS)),
    "region of another stream": ("labels_mismatch", report(region="europe")),
    "created after it was sealed": ("labels_mismatch", report(created_at=NOW + 1)),
    "labels with a byte more": ("payload_malformed", message(labels=codec.encode(LABELS) + b"\x00")),
    "no labels": ("payload_malformed", message(labels=b"")),
    "labels of another schema": ("payload_malformed", message(labels=PAYLOAD)),
    "labels unsorted": (
        "payload_malformed",
        relabelled(subjects=("DRUG_TRAFFICKING", "CONTRABAND")),
    ),
    "a label above 64 bytes": ("payload_malformed", relabelled(urgency="N" * 65)),
    "negative retain_until": ("payload_malformed", relabelled(retain_until=-1)),
    "payload of another schema": ("payload_schema_unknown", payload(codec.encode(LABELS))),
    "recall in a message": ("payload_schema_unknown", payload(codec.encode(Recall(reason="x")))),
    "payload of a later schema": ("payload_schema_unknown", payload(b"\xc3\x01" + bytes(8) + PAYLOAD[10:])),
    "no payload": ("payload_malformed", payload(b"")),
    "payload that is no Avro": ("payload_malformed", payload(b"{}" * 100)),
    "payload with a byte more": ("payload_malformed", payload(PAYLOAD + b"\x00")),
    "payload cut short": ("payload_malformed", payload(PAYLOAD[:-1])),
    "language with NUL": (
        "payload_malformed",
        report(narrative=structs.replace(REPORT.narrative, language="e\x00")),
    ),
    "report id that is not a UUID": ("payload_malformed", report(report_id="1")),
    "no subject": ("payload_malformed", report(subjects=())),
    "a connection to nothing": (
        "payload_malformed",
        report(connections=(Connection(from_=1, to=9, role="OWNER", statement="FACT"),)),
    ),
    "an entity twice": ("payload_malformed", report(entities=REPORT.entities * 2)),
    "a subject of a later list": ("payload_code_unknown", report(subjects=("CONTRABAND", "NEW_CODE"))),
    "a subject of a later list, twice": ("payload_malformed", report(subjects=("NEW_CODE", "NEW_CODE"))),
    "a code of a later list and an entity twice": (
        "payload_malformed",
        report(urgency="NEW_CODE", entities=REPORT.entities * 2),
    ),
    "a language that is not in the list": (
        "payload_code_unknown",
        report(narrative=structs.replace(REPORT.narrative, language="qq")),
    ),
}


@pytest.mark.parametrize(("code", "make"), CONTENT.values(), ids=CONTENT)
def test_labels_header_and_payload_must_say_the_same(code: str, make: Callable[[Author, AudienceKey], bytes]) -> None:
    assert outcome(make) == code


ENTITY = REPORT.entities[0]
PERSON = structs.replace(ENTITY, kind="PERSON", identifiers=())


def entity(**fields: Any) -> Callable[[Author, AudienceKey], bytes]:
    """A report about one entity, changed."""
    return report(entities=(structs.replace(ENTITY, **fields),))


def identifier(**fields: Any) -> Callable[[Author, AudienceKey], bytes]:
    """A report about one entity with one identifier, changed."""
    return entity(identifiers=(structs.replace(ENTITY.identifiers[0], **fields),))


def person(**fields: Any) -> Callable[[Author, AudienceKey], bytes]:
    """A report about one person, changed."""
    suspect = Person(category="SUSPECT", under_18=False, special_category=False)
    return report(entities=(structs.replace(PERSON, person=structs.replace(suspect, **fields)),))


def evaluation(**fields: Any) -> Callable[[Author, AudienceKey], bytes]:
    """A report with its evaluation changed."""
    return report(evaluation=structs.replace(REPORT.evaluation, **fields))


LISTED: dict[str, Callable[[Author, AudienceKey], bytes]] = {
    "subjects": report(subjects=("NEW_CODE",)),
    "urgency": report(urgency="NEW_CODE"),
    "purpose": report(purpose="NEW_CODE"),
    "handling": report(handling=("H0", "NEW_CODE")),
    "grid": evaluation(grid="NEW_CODE"),
    "source": evaluation(source="NEW_CODE"),
    "information": evaluation(information="NEW_CODE"),
    "kind": entity(kind="NEW_CODE"),
    "statement": entity(statement="NEW_CODE"),
    "scheme": identifier(scheme="NEW_CODE"),
    "country": identifier(country="NEW_CODE"),
    "category": person(category="NEW_CODE"),
}
"""Field that takes codes of a list -> a report of a version that has one more code there."""


@pytest.mark.parametrize("field", LISTED)
def test_a_code_of_a_later_list_is_not_a_malformed_payload(field: str) -> None:
    """In each field: the payload is lawful in a version whose list has the code."""
    assert outcome(LISTED[field]) == "payload_code_unknown"


def test_every_field_of_the_payload_that_takes_codes_is_tried() -> None:
    definitions = schema_files.current()
    fields = {
        field["name"]
        for name in schema_files.reachable("enlace.v1.IntelligenceReport", definitions)
        for field in definitions[name].get("fields", ())
        if '"codes"' in json.dumps(field["type"])
    }

    assert fields == LISTED.keys()


def test_labels_are_the_sorted_sets_of_what_the_payload_lists_in_its_order() -> None:
    made = structs.replace(REPORT, subjects=("DRUG_TRAFFICKING", "CONTRABAND"), handling=("H1", "H0"))

    assert outcome(message(report=made)) == "stored"


# A recall.


NAMED = bytes(range(16))
RECALLS: dict[str, tuple[str, Callable[[Author, AudienceKey], bytes]]] = {
    "lawful": ("counted RECALL", lambda author, key: author.recall(key, NAMED)),
    "of another kind": ("labels_mismatch", lambda author, key: author.recall(key, NAMED, kind=LabelKind.REPORT)),
    "with another end": ("labels_mismatch", lambda author, key: author.recall(key, NAMED, retain_until=30000)),
    "created after it was sealed": (
        "labels_mismatch",
        lambda author, key: author.recall(key, NAMED, created_at=NOW + 1),
    ),
    "with labels of its own": (
        "counted RECALL",
        lambda author, key: author.recall(key, NAMED, subjects=("SOMETHING",), urgency="", purpose=""),
    ),
    "with a report as payload": (
        "payload_schema_unknown",
        lambda author, key: recall_with(author, key, PAYLOAD),
    ),
    "with a reason of 1,000 bytes": (
        "counted RECALL",
        lambda author, key: recall_with(author, key, codec.encode(Recall(reason="é" * 500))),
    ),
    "with a reason above 1,000 bytes": (
        "payload_malformed",
        lambda author, key: recall_with(author, key, codec.unsafe_encode(Recall(reason="é" * 501))),
    ),
}


def recall_with(author: Author, key: AudienceKey, data: bytes) -> bytes:
    labels = structs.replace(LABELS, kind=LabelKind.RECALL)
    return author.message(key, REPORT, labels=labels, payload=data, type=MessageType.RECALL, refers_to=(NAMED,))


@pytest.mark.parametrize(("expected", "make"), RECALLS.values(), ids=RECALLS)
def test_a_recall_is_verified_and_counted(expected: str, make: Callable[[Author, AudienceKey], bytes]) -> None:
    assert outcome(make) == expected


# Step 17, and the clock of step 11.


def drugs_only() -> dict[str, Any]:
    return {"clauses": (world().named("drugs"),)}


def test_a_report_that_no_clause_of_the_entry_covers_is_withheld() -> None:
    """Clause 1 would cover it, but the grant entry does not name clause 1."""
    other = report_of(subjects=["CONTRABAND"])
    found = decision(message(report=other), **drugs_only())

    assert code_of(found) == "withheld clause_not_satisfied"
    assert (found.agreement, found.clause) == ("BZ-GT", "drugs")
    assert found.reason == "subject CONTRABAND is not in the clause"


def test_one_clause_of_the_entry_is_enough() -> None:
    other = report_of(subjects=["CONTRABAND"])

    assert outcome(message(report=other), clauses=(world().named("1"), world().named("drugs"))) == "stored"


def test_the_originator_stores_its_own_messages_without_a_clause() -> None:
    other = report_of(subjects=["CONTRABAND"])

    assert outcome(message(report=other), by="BZ", **drugs_only()) == "stored"


def test_for_a_recall_clauses_in_force_are_enough() -> None:
    assert outcome(lambda author, key: author.recall(key, NAMED, subjects=("X",)), **drugs_only()) == "counted RECALL"


END = (REPORT.retain_until + 1) * DAY_MS


@pytest.mark.parametrize(("now", "expected"), [(END - 1, "stored"), (END, "withheld expired")])
def test_what_expired_before_it_was_read_is_withheld(now: int, expected: str) -> None:
    assert outcome(message(), now=now) == expected


def test_what_expired_and_no_clause_covers_is_withheld_for_the_clause() -> None:
    other = report_of(subjects=["CONTRABAND"])

    assert outcome(message(report=other), now=END, **drugs_only()) == "withheld clause_not_satisfied"


@pytest.mark.parametrize(
    ("now", "expected"), [(NOW - CLOCK_SKEW_MS_MAX, "stored"), (NOW - CLOCK_SKEW_MS_MAX - 1, "held future")]
)
def test_a_message_may_be_sealed_five_minutes_after_the_own_clock(now: int, expected: str) -> None:
    found = decision(message(), now=now)

    assert code_of(found) == expected
    assert found.due_at == (NOW - CLOCK_SKEW_MS_MAX if expected == "held future" else None)


def test_what_is_held_is_not_opened() -> None:
    assert decision(message(), now=0).opened is None


# From outside they look alike.


FAILURES = {
    "wrong commitment": BYTES["sealed under another key"][1],
    "wrong tag": BYTES["tag"][1],
    "wrong padding": BYTES["padding that is not zero"][1],
    "wrong labels": CONTENT["subjects"][1],
    "malformed payload": CONTENT["payload cut short"][1],
}


@pytest.mark.parametrize("make", FAILURES.values(), ids=FAILURES)
def test_a_message_that_does_not_open_is_refused_in_one_way(make: Callable[[Author, AudienceKey], bytes]) -> None:
    """The decisions differ only in code and reason, which stay in the node's own store."""
    found = decision(make)

    assert replace(found, code=None, reason="") == Decision(outcome=found.outcome)
    assert found.outcome == "rejected"
    assert STEP_OF_REJECTION[found.code or ""] in (14, 15, 16)
    assert "go-fast" not in found.reason


def test_each_changed_byte_of_a_payload_ends_with_an_outcome() -> None:
    """The right keys sealed the payload; no byte in it makes the reader crash."""
    author = world().author()
    key, grant = granted(author)
    record, reader = author.grant(grant), judge()
    outcomes = set()
    for place in range(len(PAYLOAD)):
        for bit in (0x01, 0x80):
            changed = PAYLOAD[:place] + bytes([PAYLOAD[place] ^ bit]) + PAYLOAD[place + 1 :]
            value = author.fork().message(key, REPORT, payload=changed)
            outcomes.add(code_of(decide(reader, value, record)))

    assert {"payload_malformed", "labels_mismatch", "payload_schema_unknown"} <= outcomes
    assert outcomes <= STEP_OF_REJECTION.keys() | {"stored"}
