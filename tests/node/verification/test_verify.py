"""Steps 1 to 7 and 11: each fault has its code, the earlier step is named, and no changed bit is accepted."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest
from msgspec import structs

from node.errors import Rejected
from node.limits import BATCH_LEAVES_MAX, DAY_MS, PATH_SIZE_BYTES_MAX, RECORD_SIZE_BYTES_MAX
from node.primitives import digest, frame
from node.sealing.merkle import leaf_hash
from node.sealing.private_keys import PrivateKey, PrivateKeys
from node.sealing.seal import open_type_leaf
from node.stages import Leaf, StreamId, Verified
from node.trust.governance import Governance
from node.verification.signature_memory import SignatureMemory
from node.verification.steps import STEP_OF_REJECTION
from node.verification.verify import SEQUENCE_MAX, HeldForGovernance, check_key_validity, verify
from schemas.avro import codec
from schemas.avro.varint import encode_text, varint
from schemas.types import (
    Batch,
    Checkpoint,
    CheckpointBody,
    DocumentKind,
    Head,
    Header,
    KeyUse,
    MessageType,
    Receipt,
    ReceiptItem,
    Sealing,
)
from tests.support.community import (
    T0,
    YEAR,
    Community,
    document,
    keys_of,
    listed,
    node_body,
    signed,
)
from tests.support.records import (
    INTEL,
    NOW,
    AudienceKey,
    Author,
    changed,
    grant_body,
    long_form,
    parts,
    place,
    resigned,
    seal_key,
    splice,
)

H = bytes(range(32))


@cache
def community() -> Community:
    """BZ and GT; GT has left `receipts` out of what it may write."""
    made = Community(("BZ",))
    made.node("GT", streams=("intel.caribbean", "keys"))
    return made


@cache
def governance() -> Governance:
    return community().governance


def author(code: str = "BZ") -> Author:
    return Author(code=code, community=governance().community)


@dataclass
class Reader:
    """Verifies with a memory of its own, as a node does."""

    memory: SignatureMemory = field(default_factory=SignatureMemory)

    def code(self, value: bytes, where: StreamId | None = None) -> str:
        """The code of the step that refuses `value`, "held", or "" if none does."""
        try:
            found = verify(value, place=where or place(), governance=governance(), memory=self.memory)
        except Rejected as error:
            return error.code
        return "held" if isinstance(found, HeldForGovernance) else ""


def code_of(value: bytes, where: StreamId | None = None) -> str:
    return Reader().code(value, where)


@cache
def message(size: int = 3, index: int = 1) -> bytes:
    """A valid message with a path."""
    bz = author()
    key = AudienceKey.new(bz)
    return bz.batch([bz.sealed_leaf(key) for _ in range(size)])[index]


@cache
def body_of_grant() -> bytes:
    bz = author()
    return codec.encode(grant_body(bz, AudienceKey.new(bz), governance(), {}))


def checkpoint_body() -> bytes:
    inner = codec.encode(Checkpoint(time=NOW, heads=(Head(originator="BZ", stream="keys", next_sequence=2, batch=H),)))
    key = keys_of("BZ").newest(KeyUse.CHECKPOINT)
    signature = key.sign(frame("enlace/1 checkpoint", governance().community, "BZ", inner))
    return codec.encode(CheckpointBody(checkpoint=inner, key_id=key.key_id, signature=signature))


def receipt_body() -> bytes:
    items = (ReceiptItem(batch=H, outcomes=b"\x40"),)
    return codec.encode(Receipt(originator="GT", stream=INTEL, items=items))


def open_record(stream: str, type_: MessageType, body: bytes) -> bytes:
    return author().batch([open_type_leaf(type_, body, message_id=bytes(16))], stream=stream)[0]


def test_a_lawful_record_of_each_type_is_verified() -> None:
    """The tables below change one thing each; without the change the record is verified."""
    bz = author()
    recall = bz.recall(AudienceKey.new(bz), bytes(16))

    assert code_of(message()) == ""
    assert code_of(recall) == ""
    for stream, type_, body in (
        ("keys", MessageType.KEY_GRANT, body_of_grant()),
        ("receipts", MessageType.RECEIPT, receipt_body()),
        ("checkpoints", MessageType.CHECKPOINT, checkpoint_body()),
        ("proposals", MessageType.PROPOSAL, community().documents[0]),
    ):
        assert code_of(open_record(stream, type_, body), place(stream)) == ""


def test_what_is_verified_is_what_was_read() -> None:
    found = verify(message(), place=place(), governance=governance(), memory=SignatureMemory())

    assert isinstance(found, Verified)
    assert found.value == message()
    assert found.sequence == 2
    assert found.batch_hash == digest(parts(message()).batch)


# Every bit, every length.


def every_flip(value: bytes) -> dict[str, list[int]]:
    """Code -> bits (numbered from 0) whose flip is rejected with it; "" for flips that are accepted."""
    reader, out = Reader(), dict[str, list[int]]()
    where = place("keys" if b"keys" in value else INTEL)
    assert reader.code(value, where) == ""
    for bit in range(8 * len(value)):
        flipped = bytearray(value)
        flipped[bit // 8] ^= 1 << bit % 8
        out.setdefault(reader.code(bytes(flipped), where), []).append(bit)
    return out


def test_each_flipped_bit_of_a_message_is_refused_with_a_code() -> None:
    found = every_flip(message())

    assert found.keys() <= STEP_OF_REJECTION.keys()
    assert {"framing_invalid", "signature_invalid", "path_invalid", "content_mismatch", "key_unknown"} <= found.keys()


def test_each_flipped_bit_of_a_grant_is_refused_with_a_code() -> None:
    found = every_flip(open_record("keys", MessageType.KEY_GRANT, body_of_grant()))

    assert found.keys() <= STEP_OF_REJECTION.keys()


def test_a_record_cut_at_any_byte_is_refused() -> None:
    reader = Reader()

    assert {reader.code(message()[:end]) for end in range(len(message()))} == {"framing_invalid"}


def test_a_record_with_1_to_64_bytes_more_is_refused() -> None:
    reader = Reader()

    for tail in (b"\x00", b"\xff", b"\xc3"):
        assert {reader.code(message() + tail * count) for count in range(1, 65)} == {"framing_invalid"}


# Steps 1 to 6, one table: what is done to a valid record, and the code.


def batch_of(value: bytes) -> Batch:
    return codec.decode(Batch, parts(value).batch)


def rebatched(value: bytes, *, key: PrivateKey | None = None, **fields: object) -> bytes:
    """The record with fields of its batch replaced, signed again by the right key or by `key`."""
    batch = codec.unsafe_encode(structs.replace(batch_of(value), **fields))
    return resigned(value, batch, key or seal_key("BZ"))


def in_batch(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """Replace bytes of the batch, and sign it again with the right key."""
    return lambda value: resigned(value, splice(parts(value).batch, old, new), seal_key("BZ"))


def envelope(**fields: object) -> Callable[[bytes], bytes]:
    return lambda value: changed(value, **fields)


def batch(**fields: Any) -> Callable[[bytes], bytes]:
    return lambda value: rebatched(value, **fields)


def padded(size: int) -> Callable[[bytes], bytes]:
    return lambda value: changed(value, content=bytes(size))


STREAM = encode_text(INTEL)
TRUSTEE = keys_of("TR1").newest(KeyUse.AGREE)
STRANGER = PrivateKeys.generate("BZ", (KeyUse.SEAL,)).newest(KeyUse.SEAL)

ENVELOPE_CASES: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "empty": ("framing_invalid", lambda _: b""),
    "no single-object encoding": ("framing_invalid", lambda value: value[2:]),
    "fingerprint of another type": (
        "framing_invalid",
        lambda value: value[:2] + codec.fingerprint(Batch) + value[10:],
    ),
    "a byte above the limit": ("record_too_large", lambda value: value.ljust(RECORD_SIZE_BYTES_MAX + 1, b"\x00")),
    "the limit itself": ("framing_invalid", lambda value: value.ljust(RECORD_SIZE_BYTES_MAX, b"\x00")),
    "length of the header in long form": (
        "framing_invalid",
        lambda value: value[:10] + long_form(value[10:12]) + value[12:],
    ),
    "header of length -1": ("framing_invalid", lambda value: value[:10] + b"\x01" + value[12:]),
    "header of length 2^31": ("framing_invalid", lambda value: value[:10] + varint(2**31) + value[12:]),
    "header of length 2^62": ("framing_invalid", lambda value: value[:10] + varint(2**62) + value[12:]),
    "varint of 64 KiB": ("framing_invalid", lambda value: value[:10] + b"\xff" * 65536 + value[12:]),
    "index of more than 32 bits": ("framing_invalid", envelope(index=2**32 + 1)),
    "path of 31 bytes": ("framing_invalid", envelope(path=bytes(31))),
    "path of eleven hashes": ("framing_invalid", envelope(path=bytes(352))),
    "batch of more than 1 KiB": ("batch_malformed", envelope(batch=bytes(1025))),
    "empty batch": ("batch_malformed", envelope(batch=b"")),
    "header as batch": ("batch_malformed", lambda value: changed(value, batch=parts(value).header)),
    "size 0": ("batch_malformed", batch(size=0)),
    "size 1025": ("batch_malformed", batch(size=1025)),
    "negative size": ("batch_malformed", batch(size=-3)),
    "size of more than 32 bits": ("batch_malformed", batch(size=2**33)),
    "sequence 0": ("batch_malformed", batch(first_sequence=0)),
    "negative sequence": ("batch_malformed", batch(first_sequence=-1)),
    "sequence 2^62 + 1": ("batch_malformed", batch(first_sequence=SEQUENCE_MAX + 1, previous=H)),
    "sequence 2^63-1": ("batch_malformed", batch(first_sequence=2**63 - 1, previous=H)),
    "negative sealed_at": ("batch_malformed", batch(sealed_at=-1)),
    "negative governance": ("batch_malformed", batch(governance=-1)),
    "negative suite": ("batch_malformed", batch(suite=-1)),
    "first sequence 1 with a previous": ("batch_malformed", batch(previous=H)),
    "first sequence 2 without a previous": ("batch_malformed", batch(first_sequence=2)),
    "stream that does not exist": ("batch_malformed", batch(stream="secrets")),
    "stream intel without a region": ("batch_malformed", batch(stream="intel")),
    "stream with a line end": ("batch_malformed", batch(stream=f"{INTEL}\n")),
    "stream in capitals": ("batch_malformed", batch(stream="intel.CARIBBEAN")),
    "stream of 65 bytes": ("batch_malformed", batch(stream="intel." + "a" * 59)),
    "originator in lower case": ("batch_malformed", batch(originator="bz")),
    "originator with NUL": ("batch_malformed", batch(originator="B\x00")),
    "sequence in long form": ("batch_malformed", in_batch(STREAM + b"\x02", STREAM + long_form(b"\x02"))),
    "size in long form": ("batch_malformed", in_batch(STREAM + b"\x02\x06", STREAM + b"\x02" + long_form(b"\x06"))),
    "batch with a byte more": (
        "batch_malformed",
        lambda value: resigned(value, parts(value).batch + b"\x00", seal_key("BZ")),
    ),
    "foreign community": ("community_mismatch", batch(community=H)),
    "other stream": ("stream_mismatch", batch(stream="intel.europe")),
    "other originator": ("stream_mismatch", batch(originator="GT", key_id=seal_key("GT").key_id)),
    "unknown suite": ("suite_unknown", batch(suite=2)),
    "suite 0": ("suite_unknown", batch(suite=0)),
    "key that no document lists": ("key_unknown", lambda value: rebatched(value, key=STRANGER, key_id=STRANGER.key_id)),
    "key of another node": (
        "key_use_wrong",
        lambda value: rebatched(value, key=seal_key("GT"), key_id=seal_key("GT").key_id),
    ),
    "key of another use": (
        "key_use_wrong",
        lambda value: rebatched(
            value, key=keys_of("BZ").newest(KeyUse.AGREE), key_id=keys_of("BZ").newest(KeyUse.AGREE).key_id
        ),
    ),
    "ENCRYPT key": ("key_use_wrong", batch(key_id=keys_of("BZ").newest(KeyUse.ENCRYPT).key_id)),
    "CHECKPOINT key": ("key_use_wrong", batch(key_id=keys_of("BZ").newest(KeyUse.CHECKPOINT).key_id)),
    "key of a trustee": ("key_use_wrong", lambda value: rebatched(value, key=TRUSTEE, key_id=TRUSTEE.key_id)),
    "sealed before the node's first document": ("key_use_wrong", batch(sealed_at=T0 - 1)),
    "signed by another key than it names": ("signature_invalid", lambda value: rebatched(value, key=STRANGER)),
    "batch changed after it was signed": (
        "signature_invalid",
        lambda value: changed(value, batch=codec.encode(structs.replace(batch_of(value), sealed_at=NOW + 1))),
    ),
    "signature of zeros": ("signature_invalid", envelope(signature=bytes(64))),
    "signed as a document": (
        "signature_invalid",
        lambda value: resigned(value, parts(value).batch, seal_key("BZ"), context="enlace/1 document"),
    ),
    "signed as a checkpoint": (
        "signature_invalid",
        lambda value: resigned(value, parts(value).batch, seal_key("BZ"), context="enlace/1 checkpoint"),
    ),
    "signed without a frame": (
        "signature_invalid",
        lambda value: changed(value, signature=seal_key("BZ").sign(parts(value).batch)),
    ),
    "index of a neighbour": ("path_invalid", envelope(index=0)),
    "index equal to size": ("path_invalid", envelope(index=3)),
    "index above size": ("path_invalid", envelope(index=2**31 - 1)),
    "no path": ("path_invalid", envelope(path=b"")),
    "a hash missing in the path": ("path_invalid", lambda value: changed(value, path=parts(value).path[:-32])),
    "a hash more in the path": ("path_invalid", lambda value: changed(value, path=parts(value).path + bytes(32))),
    "path of a neighbour": ("path_invalid", lambda value: changed(value, path=parts(message(3, 0)).path)),
    "size that fits another tree": ("path_invalid", batch(size=1024)),
    "leaf of another batch": (
        "path_invalid",
        lambda value: changed(value, header=parts(message(1, 0)).header, content=parts(message(1, 0)).content),
    ),
    "content hash of another content": ("path_invalid", lambda value: changed(value, content_hash=digest(b""))),
    "no content": ("content_mismatch", envelope(content=b"")),
    "other content": ("content_mismatch", padded(1084)),
}


@pytest.mark.parametrize(("code", "change"), ENVELOPE_CASES.values(), ids=ENVELOPE_CASES)
def test_an_envelope_or_batch_that_breaks_a_rule_is_refused_with_its_code(
    code: str, change: Callable[[bytes], bytes]
) -> None:
    assert code_of(change(message())) == code


@pytest.mark.parametrize(("code", "change"), ENVELOPE_CASES.values(), ids=ENVELOPE_CASES)
def test_a_signature_that_held_once_lets_nothing_else_through(code: str, change: Callable[[bytes], bytes]) -> None:
    """The memory of signatures skips only step 4, for the same batch and signature."""
    reader = Reader()
    assert reader.code(message()) == ""

    assert reader.code(change(message())) == code


def test_a_leaf_of_the_greatest_batch_is_verified() -> None:
    """Its path has ten hashes."""
    bz = author()
    value = bz.batch([bz.sealed_leaf(AudienceKey.new(bz))] * BATCH_LEAVES_MAX)[-1]

    assert len(parts(value).path) == PATH_SIZE_BYTES_MAX
    assert code_of(value) == ""


def test_the_greatest_sequence_is_verified() -> None:
    assert code_of(rebatched(message(), first_sequence=SEQUENCE_MAX, previous=H)) == ""


def test_empty_content_is_refused_even_if_its_hash_was_signed() -> None:
    header = parts(message()).header
    value = author().batch([Leaf(header=header, content=b"")])[0]

    assert code_of(value) == "content_mismatch"


def test_a_remembered_signature_does_not_move_a_record_to_another_place() -> None:
    reader = Reader()
    assert reader.code(message()) == ""

    assert reader.code(message(), place("intel.europe")) == "stream_mismatch"
    assert reader.code(message(), place(INTEL, "GT")) == "stream_mismatch"


def test_a_leaf_is_not_an_inner_node_of_the_tree() -> None:
    """An inner node of the tree cannot serve as a leaf, because the prefix of its hash differs."""
    value = message(4, 0)
    left = leaf_hash(digest(parts(value).header), parts(value).content_hash)

    assert code_of(changed(value, content_hash=left, path=parts(value).path[32:], index=0)) == "path_invalid"


def test_a_node_writes_only_the_streams_of_its_document() -> None:
    leaf = open_type_leaf(MessageType.RECEIPT, receipt_body(), message_id=bytes(16))
    value = author("GT").batch([leaf], stream="receipts")[0]

    assert code_of(value, place("receipts", "GT")) == "key_use_wrong"


def test_only_the_registry_writes_governance() -> None:
    leaf = open_type_leaf(MessageType.DOCUMENT, community().documents[0], message_id=bytes(16))
    value = author().batch([leaf], stream="governance")[0]

    assert code_of(value, place("governance")) == "key_use_wrong"


# The order of the steps: each record has two faults.


ORDER_CASES: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "size before framing": ("record_too_large", lambda _: bytes(RECORD_SIZE_BYTES_MAX + 1)),
    "path of step 1 before the batch": ("framing_invalid", lambda value: changed(value, path=b"\x00", batch=b"")),
    "batch before community": ("batch_malformed", batch(size=0, community=H)),
    "community before place": ("community_mismatch", batch(community=H, stream="intel.europe")),
    "place before suite": ("stream_mismatch", batch(stream="intel.europe", suite=9)),
    "suite before governance": ("suite_unknown", batch(suite=9, governance=1)),
    "suite before key": ("suite_unknown", batch(suite=9, key_id=H)),
    "key before signature": ("key_unknown", lambda value: changed(rebatched(value, key_id=H), signature=bytes(64))),
    "signature before path": ("signature_invalid", envelope(signature=bytes(64), path=b"")),
    "path before content": ("path_invalid", envelope(index=0, content=b"x")),
    "content before header": (
        "content_mismatch",
        lambda _: changed(author().batch([Leaf(header=b"", content=b"x")])[0], content=b"y"),
    ),
    "header before body": ("header_malformed", lambda _: author().batch([Leaf(header=b"", content=b"x")])[0]),
}


@pytest.mark.parametrize(("code", "change"), ORDER_CASES.values(), ids=ORDER_CASES)
def test_of_two_faults_the_earlier_step_is_named(code: str, change: Callable[[bytes], bytes]) -> None:
    assert code_of(change(message())) == code


# Governance states that are not here.


def test_a_batch_that_names_a_governance_state_that_is_not_here_is_held() -> None:
    assert code_of(rebatched(message(), governance=7)) == "held"
    assert code_of(rebatched(message(), governance=7, key=STRANGER, key_id=STRANGER.key_id)) == "held"


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("signature_invalid", lambda value: rebatched(value, governance=7, key=STRANGER)),
        ("key_use_wrong", lambda value: rebatched(value, governance=7, key_id=seal_key("GT").key_id)),
        ("key_use_wrong", batch(governance=7, key_id=keys_of("BZ").newest(KeyUse.CHECKPOINT).key_id)),
    ],
    ids=["forged signature", "key of another node", "key of another use"],
)
def test_what_no_governance_state_can_make_right_is_refused_and_not_held(
    code: str, change: Callable[[bytes], bytes]
) -> None:
    """A key id binds node, use and key, so a forger cannot fill the store with held records."""
    assert code_of(change(message())) == code


# Step 7: headers of sealed types.


def sealed_header(**fields: object) -> Callable[[], bytes]:
    """A message with other fields in its header, signed by the right key."""

    def make() -> bytes:
        header = codec.decode(Header, parts(message(1, 0)).header)
        encoded = codec.unsafe_encode(structs.replace(header, **fields))
        return author().batch([Leaf(header=encoded, content=parts(message(1, 0)).content)])[0]

    return make


def raw_header(old: bytes, new: bytes, **fields: object) -> Callable[[], bytes]:
    """A message with other bytes as its header, signed by the right key."""

    def make() -> bytes:
        header = parts(sealed_header(**fields)()).header
        leaf = Leaf(header=splice(header, old, new), content=parts(message(1, 0)).content)
        return author().batch([leaf])[0]

    return make


def content(data: bytes) -> Callable[[], bytes]:
    return lambda: author().batch([Leaf(header=parts(message(1, 0)).header, content=data)])[0]


A, B, C = bytes(16), bytes([1] * 16), bytes([2] * 16)
ID = bytes([9] * 16)
RECALL = {"type": MessageType.RECALL, "message_id": ID}

HEADER_CASES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "empty header": ("header_malformed", lambda: author().batch([Leaf(header=b"", content=b"x")])[0]),
    "header of more than 8 KiB": (
        "header_malformed",
        lambda: author().batch([Leaf(header=bytes(8193), content=b"x")])[0],
    ),
    "batch as header": (
        "header_malformed",
        lambda: author().batch([Leaf(header=parts(message()).batch, content=b"x")])[0],
    ),
    "header with a byte more": (
        "header_malformed",
        lambda: author().batch([Leaf(header=parts(message()).header + b"\x00", content=b"x")])[0],
    ),
    "message that refers to another": ("header_malformed", sealed_header(refers_to=(A,))),
    "recall of nothing": ("header_malformed", sealed_header(type=MessageType.RECALL)),
    "recall of 501 messages": (
        "header_malformed",
        sealed_header(type=MessageType.RECALL, refers_to=tuple(n.to_bytes(16, "big") for n in range(501))),
    ),
    "unsorted set": ("header_malformed", sealed_header(**RECALL, refers_to=(B, A))),
    "the same item twice": ("header_malformed", sealed_header(**RECALL, refers_to=(A, A))),
    "array in two blocks": (
        "header_malformed",
        raw_header(b"\x04" + A + B + b"\x00", b"\x02" + A + b"\x02" + B + b"\x00", **RECALL, refers_to=(A, B)),
    ),
    "array with a negative count and a size": (
        "header_malformed",
        raw_header(b"\x04" + A + B + b"\x00", b"\x03" + varint(32) + A + B + b"\x00", **RECALL, refers_to=(A, B)),
    ),
    "array with a wrong block size": (
        "header_malformed",
        raw_header(b"\x04" + A + B + b"\x00", b"\x03" + varint(9999) + A + B + b"\x00", **RECALL, refers_to=(A, B)),
    ),
    "array with a count of 2^40": (
        "header_malformed",
        raw_header(b"\x04" + A + B + b"\x00", varint(2**40) + A + B + b"\x00", **RECALL, refers_to=(A, B)),
    ),
    "array count in long form": (
        "header_malformed",
        raw_header(b"\x02" + C + b"\x00", b"\x82\x00" + C + b"\x00", **RECALL, refers_to=(C,)),
    ),
    "empty array as a block of none and another": (
        "header_malformed",
        raw_header(ID + b"\x00\x00", ID + b"\x00\x01\x00\x00", message_id=ID),
    ),
    "negative index of the type": ("header_malformed", raw_header(ID + b"\x00", ID + b"\x0d", message_id=ID)),
    "index of the type beyond its symbols": ("header_malformed", raw_header(ID + b"\x00", ID + b"\x0e", message_id=ID)),
    "expires_at before its midnight": ("header_malformed", sealed_header(expires_at=DAY_MS * 21000 - 1)),
    "expires_at 0": ("header_malformed", sealed_header(expires_at=0)),
    "negative expires_at": ("header_malformed", sealed_header(expires_at=-DAY_MS)),
    "no sealing": ("header_malformed", sealed_header(sealing=None)),
    "grant 0": (
        "header_malformed",
        sealed_header(sealing=Sealing(audience_key_id=H, grant=0, labels_hash=H)),
    ),
    "grant on an intel stream": ("header_malformed", sealed_header(type=MessageType.KEY_GRANT)),
    "content of 59 bytes": ("body_malformed", content(bytes(59))),
    "content below the least padding": ("body_malformed", content(bytes(60 + 1023))),
    "content of no padded length": ("body_malformed", content(bytes(60 + 1025))),
    "content above the greatest": ("body_malformed", content(bytes(60 + 258049))),
    "content of the next padded length": ("record_too_large", content(bytes(60 + 262144))),
}


@pytest.mark.parametrize(("code", "make"), HEADER_CASES.values(), ids=HEADER_CASES)
def test_a_header_or_length_that_does_not_fit_a_sealed_type_is_refused(code: str, make: Callable[[], bytes]) -> None:
    assert code_of(make()) == code


@pytest.mark.parametrize("size", [1024, 1088, 2048, 245760, 253952, 258048])
def test_content_of_each_padded_length_passes_the_first_seven_steps(size: int) -> None:
    assert code_of(content(bytes(60 + size))()) == ""


# Step 11, but for the clock.


def renewed(*, until: int | None = None, document_until: int = T0 + YEAR) -> Governance:
    """BZ with a second NODE document that changes the end of its SEAL key or its own."""
    made = Community(("BZ",))
    ended = [structs.replace(key, until=until) if key.use is KeyUse.SEAL else key for key in listed(keys_of("BZ"))]
    draft = document(DocumentKind.NODE, "BZ", node_body(ended), made.governance, version=2, until=document_until)
    made.documents.append(signed(draft, made.governance, "TR1", "TR2"))
    return made.governance


VALIDITY_CASES = {
    "before the end of key and document": (renewed, NOW, ""),
    "at the end of the key": (lambda: renewed(until=NOW), NOW, "key_not_valid"),
    "a millisecond before the end of the key": (lambda: renewed(until=NOW + 1), NOW, ""),
    "before the beginning of the key": (renewed, T0 - 1, "key_not_valid"),
    "at the end of the NODE document": (lambda: renewed(document_until=NOW), NOW, "key_not_valid"),
    "a millisecond before the end of the document": (lambda: renewed(document_until=NOW + 1), NOW, ""),
}


@pytest.mark.parametrize(("make", "t", "code"), VALIDITY_CASES.values(), ids=VALIDITY_CASES)
def test_key_and_node_document_are_valid_from_their_beginning_to_before_their_end(
    make: Callable[[], Governance], t: int, code: str
) -> None:
    bz = Author(code="BZ", community=make().community)
    value = bz.message(AudienceKey.new(bz))
    record = verify(value, place=place(), governance=make(), memory=SignatureMemory())
    assert isinstance(record, Verified)
    found = ""
    try:
        check_key_validity(record, make(), t)
    except Rejected as error:
        found = error.code

    assert found == code


def test_a_key_is_valid_only_while_a_node_document_is() -> None:
    """A key may begin before the first document that lists it."""
    made = Community()
    draft = document(DocumentKind.NODE, "BZ", node_body(listed(keys_of("BZ"))), made.governance, from_=NOW)
    made.documents.append(signed(draft, made.governance, "TR1", "TR2", "BZ"))
    record = verified_of(author(), governance=made.governance)

    check_key_validity(record, made.governance, NOW)
    assert refused_at(record, made.governance, NOW - 1) == "key_not_valid"


def test_a_key_that_no_document_lists_is_valid_at_no_time() -> None:
    """An auditor with other documents than the reader had."""
    assert refused_at(verified_of(author()), Community(("GT",)).governance, NOW) == "key_not_valid"


def verified_of(bz: Author, *, governance: Governance | None = None) -> Verified:
    """A message of `bz` that passed the first seven steps."""
    found = verify(
        bz.message(AudienceKey.new(bz)),
        place=place(),
        governance=governance or community().governance,
        memory=SignatureMemory(),
    )
    assert isinstance(found, Verified)
    return found


def refused_at(record: Verified, known: Governance, t: int) -> str:
    """The code of step 11 at `t`."""
    with pytest.raises(Rejected) as error:
        check_key_validity(record, known, t)
    return error.value.code
