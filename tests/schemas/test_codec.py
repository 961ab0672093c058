"""schemas/avro/codec.py: each value has one encoding; a value that breaks a limit is neither read nor written."""

import contextlib
from io import BytesIO
from typing import Any

import fastavro
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import types
from schemas.avro import codec
from schemas.avro.codec import (
    BadMessage,
    decode,
    encode,
    fingerprint,
    sorted_set,
    unsafe_encode,
)
from schemas.avro.varint import encode_text, varint
from tests.support.wire_samples import (
    BATCH,
    EACH,
    GRANT_ENTRY,
    HEAD,
    HEADER,
    KEY,
    LABELS,
    OWN_ENTRY,
    REPORT,
    hash_of,
    name_of,
)

SEALED = EACH[0]

each_type = pytest.mark.parametrize("value", EACH, ids=name_of)


@each_type
def test_what_is_written_is_read(value: types.Record) -> None:
    """Each type of the wire, with its optional parts."""
    assert decode(type(value), encode(value)) == value


@each_type
def test_the_encoding_is_that_of_the_avro_library(value: types.Record) -> None:
    """Two implementations write the same bytes."""
    assert encode(value) == unsafe_encode(value)


@each_type
def test_a_truncated_record_is_refused(value: types.Record) -> None:
    """At each byte; in a long record, at each of the first and the last thousand bytes."""
    data = encode(value)
    for length in {*range(min(len(data), 1000)), *range(max(0, len(data) - 1000), len(data))}:
        with pytest.raises(BadMessage):
            decode(type(value), data[:length])


@each_type
def test_trailing_bytes_are_refused(value: types.Record) -> None:
    """Even a single zero byte."""
    with pytest.raises(BadMessage):
        decode(type(value), encode(value) + b"\0")


@each_type
def test_a_flipped_bit_is_refused_or_gives_another_valid_value(value: types.Record) -> None:
    """No two byte strings decode to the same value."""
    data = encode(value)
    for position in range(min(len(data), 400)):
        for bit in range(8):
            flipped = data[:position] + bytes([data[position] ^ 1 << bit]) + data[position + 1 :]
            try:
                other = decode(type(value), flipped)
            except BadMessage:
                continue
            assert position >= codec.PREFIX_BYTES
            assert other != value
            assert encode(other) == flipped


@given(body=st.binary(max_size=300), value=st.sampled_from(EACH))
def test_arbitrary_bytes_are_refused_or_canonical(body: bytes, value: types.Record) -> None:
    """No other exception than BadMessage is raised."""
    data = codec.MARKER + fingerprint(type(value)) + body
    with contextlib.suppress(BadMessage):
        assert encode(decode(type(value), data)) == data


def changed(value: types.Record, **changes: Any) -> types.Record:
    """A copy with other fields, unchecked."""
    return msgspec.structs.replace(value, **changes)


def changed_entry(**changes: Any) -> types.GrantEntry:
    """An entry with other fields."""
    return msgspec.structs.replace(GRANT_ENTRY, **changes)


def changed_head(**changes: Any) -> types.Head:
    """A head with other fields."""
    return msgspec.structs.replace(HEAD, **changes)


def outcomes(count: int) -> types.ReceiptItem:
    """A receipt item for `count` leaves of one batch."""
    return types.ReceiptItem(batch=hash_of(1), outcomes=b"\x40" * count)


def grant(*entries: types.GrantEntry) -> types.Record:
    """A grant with these entries, unchecked."""
    return types.KeyGrant(audience_key_id=hash_of(1), use_until=0, entries=entries)


def node(*keys: types.Key) -> types.Record:
    """A NODE with these keys, unchecked."""
    return types.Node(keys=keys, streams=(), resume=())


def reference(number: int) -> types.ClauseReference:
    """A reference to a clause, different for each number."""
    return types.ClauseReference(agreement=hash_of(number), clause="1")


INVALID: dict[str, types.Record] = {
    "string of 65 bytes": changed(LABELS, purpose="x" * 65),
    "string of 33 characters in 66 bytes": changed(LABELS, purpose="é" * 33),
    "recall reason of 1,001 bytes": types.Recall(reason="x" * 1001),
    "string with NUL": types.Recall(reason="a\0b"),
    "clause id of 33 bytes": grant(
        changed_entry(clauses=(types.ClauseReference(agreement=hash_of(1), clause="c" * 33),))
    ),
    "int of 2^31": changed(BATCH, suite=2**31),
    "negative time": changed(BATCH, sealed_at=-1),
    "sequence 0": changed(BATCH, first_sequence=0),
    "batch of 1,025 leaves": changed(BATCH, size=1025),
    "batch of no leaves": changed(BATCH, size=0),
    "grant at 0": changed(HEADER, sealing=types.Sealing(audience_key_id=hash_of(1), grant=0, labels_hash=hash_of(2))),
    "originator in lower case": changed(BATCH, originator="bz"),
    "originator with a line end": changed(BATCH, originator="BZ\n"),
    "stream of three parts": changed(BATCH, stream="intel.a.b"),
    "header of 501 references": changed(HEADER, refers_to=tuple(n.to_bytes(16, "big") for n in range(501))),
    "path of 321 bytes": changed(SEALED, path=bytes(321)),
    "set out of order": changed(LABELS, subjects=("PROTECTED_AREA_ENCROACHMENT", "CONTRABAND")),
    "set in the order of the alphabet": changed(LABELS, subjects=("AAA", "B")),
    "set with an item twice": changed(LABELS, handling=("H0", "H0")),
    "set of hashes out of order": changed(HEADER, refers_to=(b"b" * 16, b"a" * 16)),
    "set of records out of order": grant(GRANT_ENTRY, OWN_ENTRY),
    "set of records that agree in the first field out of order": grant(
        changed_entry(key_id=hash_of(9)), changed_entry(key_id=hash_of(8))
    ),
    "grant without entries": grant(),
    "grant of 151 entries": grant(*(changed_entry(key_id=n.to_bytes(32, "big")) for n in range(151))),
    "grant with a recipient's key twice": grant(changed_entry(clauses=()), GRANT_ENTRY),
    "entry with nine clauses": grant(changed_entry(clauses=tuple(map(reference, range(9))))),
    "key twice with other times": node(KEY, msgspec.structs.replace(KEY, from_=KEY.from_ + 1)),
    "head of a stream twice": types.Checkpoint(
        time=0, heads=(changed_head(next_sequence=1), changed_head(next_sequence=2))
    ),
    "checkpoint of 2,001 heads": types.Checkpoint(
        time=0, heads=tuple(changed_head(stream=f"s{n:04}") for n in range(2001))
    ),
    "receipt without items": types.Receipt(originator="BZ", stream="keys", items=()),
    "receipt with a batch twice": types.Receipt(originator="BZ", stream="keys", items=(outcomes(1), outcomes(2))),
    "receipt item without outcomes": types.Receipt(originator="BZ", stream="keys", items=(outcomes(0),)),
    "receipt item of 1,025 outcomes": types.Receipt(originator="BZ", stream="keys", items=(outcomes(1025),)),
    "ML-DSA signature of 3,308 bytes": types.CheckpointBody(checkpoint=b"", key_id=hash_of(1), signature=bytes(3308)),
    "threshold 0": types.Root(trustees=(), threshold=0, revoke_threshold=1, registry_keys=(), resume=()),
    "report without a subject": changed(REPORT, subjects=()),
    "report without a handling code": changed(REPORT, handling=()),
    "report id in upper case": changed(REPORT, report_id=REPORT.report_id.upper()),
    "position beyond the pole": changed(REPORT, place=types.Place(latitude_microdegrees=90_000_001)),
    "time after the year 9999": changed(REPORT, created_at=253_402_300_800_000),
    "date before the year 1": changed(REPORT, retain_until=-719_163),
    "report of 1,001 entities": changed(REPORT, entities=REPORT.entities[:1] * 1001),
    "narrative of 200,001 bytes": changed(REPORT, narrative=types.Narrative(text="x" * 200_001, language="en")),
}


@pytest.mark.parametrize("name", INVALID)
def test_a_value_that_breaks_a_limit_is_neither_read_nor_written(name: str) -> None:
    """Both directions check: writing finds our bugs, reading finds the bad records of others."""
    value = INVALID[name]

    with pytest.raises(ValueError):  # noqa: PT011, the codec may raise any ValueError
        encode(value)
    with pytest.raises(BadMessage):
        decode(type(value), unsafe_encode(value))


VALID: dict[str, types.Record] = {
    "string of 64 bytes": changed(LABELS, purpose="é" * 32),
    "set with the shorter string first": changed(LABELS, subjects=("B", "AAA")),
    "set with a string of 64 bytes last": changed(LABELS, subjects=("z" * 63, "a" * 64)),
    "batch of 1,024 leaves": changed(BATCH, size=1024),
    "one recipient with two keys": grant(changed_entry(key_id=hash_of(8)), changed_entry(key_id=hash_of(9))),
    "payload array out of order": changed(REPORT, subjects=("PROTECTED_AREA_ENCROACHMENT", "CONTRABAND", "ROBBERY")),
    "report before 1970": changed(REPORT, occurred=types.Occurred(from_=-86_400_000)),
    "header of 500 references": changed(HEADER, refers_to=tuple(n.to_bytes(16, "big") for n in range(500))),
    "checkpoint of 2,000 heads": types.Checkpoint(
        time=0, heads=tuple(changed_head(stream=f"s{n:04}") for n in range(2000))
    ),
}


@pytest.mark.parametrize("name", VALID)
def test_a_value_within_the_limits_is_read_and_written(name: str) -> None:
    """The last valid value before each limit."""
    value = VALID[name]

    assert decode(type(value), encode(value)) == value


def test_a_record_longer_than_the_limit_of_its_type_is_refused_before_it_is_read() -> None:
    """Batch 1 KiB, header 8 KiB, payload 258,048 bytes."""
    for cls, size in ((types.Batch, 1024), (types.Header, 8192), (types.IntelligenceReport, 258_048)):
        with pytest.raises(BadMessage, match=f"more than {size}"):
            decode(cls, encode(BATCH)[:10] + bytes(size))


def test_no_error_contains_a_value_of_the_message() -> None:
    """Reasons go to the log, and payloads must not."""
    secret = "x" * 60 + "Muster"
    with pytest.raises(BadMessage) as caught:
        decode(types.Labels, unsafe_encode(changed(LABELS, purpose=secret)))

    assert "Muster" not in caught.value.reason
    assert "purpose" in caught.value.reason


@given(texts=st.lists(st.text(max_size=70).filter(lambda text: "\0" not in text)))
def test_a_sorted_set_is_in_the_order_of_encodings(texts: list[str]) -> None:
    """Which is not the order of the alphabet: the length comes first, as a varint."""
    made = sorted_set(texts)

    encoded = [encode_text(text) for text in made]
    assert encoded == sorted(set(encoded))
    assert set(made) == set(texts)


def test_sets_of_hashes_and_records_are_sorted_too() -> None:
    """Fixed types by their bytes, records by their encoding; duplicates are removed."""
    assert sorted_set([hash_of(2), hash_of(1), hash_of(2)]) == (hash_of(1), hash_of(2))
    assert sorted_set([GRANT_ENTRY, OWN_ENTRY, GRANT_ENTRY]) == (OWN_ENTRY, GRANT_ENTRY)


@given(number=st.integers(min_value=-(2**63), max_value=2**63 - 1))
def test_a_varint_is_that_of_the_avro_library(number: int) -> None:
    """Zigzag, seven bits in a byte."""
    stream = BytesIO()
    fastavro.schemaless_writer(stream, "long", number)

    assert varint(number) == stream.getvalue()
