"""Step 7 of open types: header, body and the bytes in the body are canonical, within their limits and of their kind."""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from msgspec import structs

from node.errors import Rejected
from node.primitives import digest, frame
from node.sealing.seal import open_type_leaf
from node.stages import Leaf, Verified
from node.trust.governance import Governance
from node.verification.signature_memory import SignatureMemory
from node.verification.verify import verify
from schemas.avro import codec
from schemas.avro.varint import encode_text, varint
from schemas.types import (
    Agreement,
    Checkpoint,
    CheckpointBody,
    ClauseReference,
    Document,
    DocumentSignature,
    Head,
    Header,
    KeyGrant,
    KeyUse,
    MessageType,
    Receipt,
    ReceiptItem,
    Record,
    Sealing,
    SignedDocument,
)
from tests.independent.avro import Malformed
from tests.independent.avro import decode as independent_decode
from tests.support.community import Community, keys_of
from tests.support.records import (
    NOW,
    AudienceKey,
    Author,
    entry_changed,
    grant_body,
    place,
    splice,
)

H = bytes(range(32))
STREAM_OF = {
    MessageType.KEY_GRANT: "keys",
    MessageType.RECEIPT: "receipts",
    MessageType.CHECKPOINT: "checkpoints",
    MessageType.PROPOSAL: "proposals",
}


@cache
def community() -> tuple[Community, Governance, bytes]:
    """A community of BZ and GT, and the hash of an agreement between them."""
    made = Community(("BZ", "GT"))
    agreement = made.agreement("BZ-GT", ("BZ", "GT"))
    return made, made.governance, agreement


def code_of(type_: MessageType, body: bytes | Record, *, stream: str | None = None, **header: Any) -> str:
    """The code of the rejection of a correctly signed record with this body; "" if it is verified."""
    content = body if isinstance(body, bytes) else codec.unsafe_encode(body)
    lawful = codec.decode(Header, open_type_leaf(type_, content, message_id=bytes(16)).header)
    leaf = Leaf(header=codec.unsafe_encode(structs.replace(lawful, **header)), content=content)
    governance = community()[1]
    where = stream or STREAM_OF[type_]
    value = Author(code="BZ", community=governance.community).batch([leaf], stream=where)[0]
    try:
        found = verify(value, place=place(where), governance=governance, memory=SignatureMemory())
    except Rejected as error:
        return error.code
    assert isinstance(found, Verified)
    return ""


# Headers.


SEALING = Sealing(audience_key_id=H, grant=1, labels_hash=H)
HEADER_CASES: dict[str, dict[str, Any]] = {
    "type of another stream": {"stream": "receipts"},
    "type of an intel stream": {"type": MessageType.MESSAGE},
    "sealing": {"sealing": SEALING},
    "refers to a message": {"refers_to": (bytes(16),)},
    "expires": {"expires_at": 86_400_000},
}


@pytest.mark.parametrize("fields", HEADER_CASES.values(), ids=HEADER_CASES)
def test_a_header_that_does_not_fit_its_open_stream_is_refused(fields: dict[str, Any]) -> None:
    assert code_of(MessageType.KEY_GRANT, grant(), **fields) == "header_malformed"


# Grants.


@cache
def grant() -> KeyGrant:
    """BZ grants a key to GT and itself."""
    _, governance, agreement = community()
    bz = Author(code="BZ", community=governance.community)
    return grant_body(bz, AudienceKey.new(bz), governance, {"GT": (ClauseReference(agreement=agreement, clause="1"),)})


def entries(count: int) -> KeyGrant:
    entry = grant().entries[0]
    made = [structs.replace(entry, key_id=n.to_bytes(32, "big")) for n in range(count)]
    return structs.replace(grant(), entries=codec.sorted_set(made))


def clauses(count: int, length: int = 1) -> KeyGrant:
    named = [ClauseReference(agreement=n.to_bytes(32, "big"), clause="1" * length) for n in range(count)]
    return entry_changed(grant(), "GT", clauses=codec.sorted_set(named))


def twice() -> KeyGrant:
    first, second = grant().entries
    return structs.replace(grant(), entries=codec.sorted_set([first, second, structs.replace(second, wrap=first.wrap)]))


def clause_bytes() -> bytes:
    [reference] = grant().entries[1].clauses
    return reference.agreement + encode_text(reference.clause)


def entry_start(index: int) -> bytes:
    return encode_text(grant().entries[index].recipient) + grant().entries[index].key_id


GRANT_CASES: dict[str, Callable[[], bytes | Record]] = {
    "no grant at all": lambda: b"x",
    "another type": lambda: Receipt(originator="GT", stream="keys", items=(ReceiptItem(batch=H, outcomes=b"x"),)),
    "a byte more": lambda: codec.encode(grant()) + b"\x00",
    "no entries": lambda: structs.replace(grant(), entries=()),
    "151 entries": lambda: entries(151),
    "10,000 entries": lambda: codec.encode(grant())[:10] + H + varint(NOW) + varint(10_000) + bytes(200_000),
    "2^40 entries": lambda: codec.encode(grant())[:10] + H + varint(NOW) + varint(2**40),
    "a recipient's key twice": twice,
    "unsorted entries": lambda: structs.replace(grant(), entries=grant().entries[::-1]),
    "nine clauses": lambda: clauses(9),
    "a recipient without clauses": lambda: entry_changed(grant(), "GT", clauses=()),
    "the originator with clauses": lambda: entry_changed(grant(), "BZ", clauses=grant().entries[1].clauses),
    "a clause id of 33 bytes": lambda: clauses(1, 33),
    "the same clause twice": lambda: entry_changed(grant(), "GT", clauses=grant().entries[1].clauses * 2),
    "negative use_until": lambda: structs.replace(grant(), use_until=-1),
    "a recipient that is not a node code": lambda: entry_changed(grant(), "GT", recipient="gt"),
    "clauses in a block with a size": lambda: splice(
        codec.encode(grant()), b"\x02" + clause_bytes(), b"\x01" + varint(len(clause_bytes())) + clause_bytes()
    ),
    "entries in two blocks": lambda: splice(
        splice(codec.encode(grant()), b"\x04" + entry_start(0), b"\x02" + entry_start(0)),
        entry_start(1),
        b"\x02" + entry_start(1),
    ),
}


@pytest.mark.parametrize("make", GRANT_CASES.values(), ids=GRANT_CASES)
def test_a_malformed_grant_signed_by_the_right_key_is_refused(make: Callable[[], bytes | Record]) -> None:
    assert code_of(MessageType.KEY_GRANT, make()) == "body_malformed"


@pytest.mark.parametrize("made", [entries(150), clauses(8)], ids=["150 entries", "eight clauses"])
def test_a_grant_at_its_limits_is_verified(made: KeyGrant) -> None:
    assert code_of(MessageType.KEY_GRANT, made) == ""


# Checkpoints.


def checkpoint(
    *,
    inner: bytes | None = None,
    signer: str = "BZ",
    named: str | None = None,
    originator: str = "BZ",
    community_hash: bytes | None = None,
    context: str = "enlace/1 checkpoint",
    use: KeyUse = KeyUse.CHECKPOINT,
) -> CheckpointBody:
    """A checkpoint; the arguments replace what its ML-DSA signature binds."""
    head = Head(originator="BZ", stream="keys", next_sequence=2, batch=H)
    body = codec.encode(Checkpoint(time=NOW, heads=(head,))) if inner is None else inner
    signature = (
        keys_of(signer)
        .newest(KeyUse.CHECKPOINT)
        .sign(frame(context, community_hash or community()[1].community, originator, body))
    )
    key_id = keys_of(named or signer).newest(use).key_id
    return CheckpointBody(checkpoint=body, key_id=key_id, signature=signature)


def heads(*made: Head) -> bytes:
    return codec.unsafe_encode(Checkpoint(time=NOW, heads=made))


HEAD = Head(originator="BZ", stream="keys", next_sequence=2, batch=H)
CHECKPOINT_CASES: dict[str, Callable[[], bytes | Record]] = {
    "signature by another node": lambda: checkpoint(signer="GT", named="BZ"),
    "key of another node": lambda: checkpoint(signer="GT"),
    "key of another use": lambda: checkpoint(use=KeyUse.SEAL),
    "signature over another originator": lambda: checkpoint(originator="GT"),
    "signature over another community": lambda: checkpoint(community_hash=H),
    "signature over a batch": lambda: checkpoint(context="enlace/1 batch"),
    "signature over other bytes": lambda: structs.replace(checkpoint(), checkpoint=heads()),
    "unknown key": lambda: structs.replace(checkpoint(), key_id=H),
    "signature of 3308 bytes": lambda: structs.replace(checkpoint(), signature=bytes(3308)),
    "signature of zeros": lambda: structs.replace(checkpoint(), signature=bytes(3309)),
    "bytes that are no checkpoint": lambda: checkpoint(inner=b"x"),
    "checkpoint with a byte more": lambda: checkpoint(inner=heads(HEAD) + b"\x00"),
    "a head twice": lambda: checkpoint(inner=heads(HEAD, structs.replace(HEAD, next_sequence=3))),
    "unsorted heads": lambda: checkpoint(inner=heads(structs.replace(HEAD, stream="receipts"), HEAD)),
    "negative time": lambda: checkpoint(inner=codec.unsafe_encode(Checkpoint(time=-1, heads=()))),
    "2,001 heads": lambda: checkpoint(
        inner=heads(*codec.sorted_set(structs.replace(HEAD, stream=f"intel.r{n}") for n in range(2001)))
    ),
}


@pytest.mark.parametrize("make", CHECKPOINT_CASES.values(), ids=CHECKPOINT_CASES)
def test_a_checkpoint_counts_only_as_its_originator_signed_it(make: Callable[[], bytes | Record]) -> None:
    """The Ed25519 signature is valid in each case; the ML-DSA signature must be valid, too."""
    assert code_of(MessageType.CHECKPOINT, make()) == "body_malformed"


@pytest.mark.parametrize("inner", [heads(), heads(HEAD)], ids=["no head", "one head"])
def test_a_lawful_checkpoint_is_verified(inner: bytes) -> None:
    assert code_of(MessageType.CHECKPOINT, checkpoint(inner=inner)) == ""


# Receipts.


def receipt(*items: ReceiptItem, stream: str = "intel.caribbean", originator: str = "GT") -> Receipt:
    return Receipt(originator=originator, stream=stream, items=items)


ITEM = ReceiptItem(batch=H, outcomes=b"\x40")
RECEIPT_CASES: dict[str, Receipt] = {
    "no items": receipt(),
    "241 items": receipt(*(ReceiptItem(batch=n.to_bytes(32, "big"), outcomes=b"x") for n in range(241))),
    "a batch twice": receipt(ITEM, structs.replace(ITEM, outcomes=b"\x41")),
    "unsorted items": receipt(ITEM, structs.replace(ITEM, batch=bytes(32))),
    "no outcomes": receipt(structs.replace(ITEM, outcomes=b"")),
    "1,025 outcomes": receipt(structs.replace(ITEM, outcomes=bytes(1025))),
    "an originator in lower case": receipt(ITEM, originator="gt"),
    "a stream that does not exist": receipt(ITEM, stream="intel.Caribbean"),
}


@pytest.mark.parametrize("body", RECEIPT_CASES.values(), ids=RECEIPT_CASES)
def test_a_malformed_receipt_is_refused(body: Receipt) -> None:
    assert code_of(MessageType.RECEIPT, body) == "body_malformed"


def test_a_receipt_at_its_limits_is_verified() -> None:
    items = (ReceiptItem(batch=n.to_bytes(32, "big"), outcomes=bytes(1024)) for n in range(240))

    assert code_of(MessageType.RECEIPT, receipt(*items)) == ""


# Documents.


def agreement(**fields: Any) -> SignedDocument:
    """The agreement of the community, with other fields of its document."""
    signed = codec.decode(SignedDocument, community()[0].documents[-1])
    document = structs.replace(codec.decode(Document, signed.document), **fields)
    return structs.replace(signed, document=codec.unsafe_encode(document))


def terms(**fields: Any) -> SignedDocument:
    """The agreement with other terms."""
    body = codec.decode(Agreement, codec.decode(Document, agreement().document).body)
    return agreement(body=codec.unsafe_encode(structs.replace(body, **fields)))


DOCUMENT_CASES: dict[str, Callable[[], bytes | Record]] = {
    "no document": lambda: b"x",
    "a document without its signatures": lambda: agreement().document,
    "bytes that are no document": lambda: structs.replace(agreement(), document=b"x"),
    "document with a byte more": lambda: structs.replace(agreement(), document=agreement().document + b"\x00"),
    "body of another kind": lambda: agreement(kind="NODE"),
    "empty body": lambda: agreement(body=b""),
    "version 0": lambda: agreement(version=0),
    "negative until": lambda: agreement(until=-1),
    "unsorted parties": lambda: terms(parties=("GT", "BZ")),
    "a clause id twice": lambda: terms(clauses=_two_clauses()),
    "a signature by one key twice": lambda: structs.replace(
        agreement(),
        signatures=(DocumentSignature(key_id=H, signature=b"1"), DocumentSignature(key_id=H, signature=b"2")),
    ),
}


def _two_clauses() -> Any:
    [clause] = codec.decode(Agreement, codec.decode(Document, agreement().document).body).clauses
    return codec.sorted_set([clause, structs.replace(clause, retention_days_max=1)])


@pytest.mark.parametrize("make", DOCUMENT_CASES.values(), ids=DOCUMENT_CASES)
def test_a_malformed_document_is_refused(make: Callable[[], bytes | Record]) -> None:
    assert code_of(MessageType.PROPOSAL, make()) == "body_malformed"


def test_a_document_below_its_threshold_is_a_verified_record() -> None:
    """Without enough signatures it has no effect, but the record is not malformed."""
    assert code_of(MessageType.PROPOSAL, structs.replace(agreement(), signatures=())) == ""


def test_each_document_of_a_community_is_a_lawful_body() -> None:
    assert {code_of(MessageType.PROPOSAL, data) for data in community()[0].documents} == {""}


BODIES = {
    MessageType.KEY_GRANT: lambda: codec.encode(grant()),
    MessageType.RECEIPT: lambda: codec.encode(receipt(ITEM)),
    MessageType.CHECKPOINT: lambda: codec.encode(checkpoint()),
    MessageType.PROPOSAL: lambda: codec.encode(agreement()),
}


@pytest.mark.parametrize("type_", BODIES)
@pytest.mark.parametrize("body", BODIES)
def test_the_body_of_one_type_is_not_a_body_of_another(type_: MessageType, body: MessageType) -> None:
    assert code_of(type_, BODIES[body]()) == ("" if type_ is body else "body_malformed")


@pytest.mark.parametrize("type_", BODIES)
def test_each_byte_of_a_body_counts(type_: MessageType) -> None:
    """A body that is cut at any length is rejected, although the right key signed it."""
    body = BODIES[type_]()

    assert {code_of(type_, body[:end]) for end in range(1, len(body), 7)} == {"body_malformed"}


def test_the_grant_is_handed_on_as_it_was_signed() -> None:
    governance = community()[1]
    bz = Author(code="BZ", community=governance.community)
    value = bz.grant(grant())
    found = verify(value, place=place("keys"), governance=governance, memory=SignatureMemory())

    assert isinstance(found, Verified)
    assert found.grant == grant()
    assert found.receipt is None
    assert digest(found.sealed.content) == found.sealed.content_hash


def test_the_receipt_is_handed_on_as_it_was_signed() -> None:
    governance = community()[1]
    leaf = open_type_leaf(MessageType.RECEIPT, codec.encode(receipt(ITEM)), message_id=bytes(16))
    value = Author(code="BZ", community=governance.community).batch([leaf], stream="receipts")[0]
    found = verify(value, place=place("receipts"), governance=governance, memory=SignatureMemory())

    assert isinstance(found, Verified)
    assert found.receipt == receipt(ITEM)
    assert found.grant is None


@pytest.mark.parametrize("stream", ["nowhere", "intel.nowhere", "a-9.b-9", "x" * 64])
def test_a_stream_that_no_list_names_is_lawful_inside_a_receipt_and_a_checkpoint(stream: str) -> None:
    """The list of streams applies to the batch; both implementations read any name of the pattern."""
    receipt = Receipt(originator="GT", stream=stream, items=(ReceiptItem(batch=H, outcomes=bytes(range(256))),))
    head = Head(originator="GT", stream=stream, next_sequence=2, batch=H)

    for value in (receipt, Checkpoint(time=NOW, heads=(head,))):
        data = codec.encode(value)
        assert codec.decode(type(value), data) == value
        assert independent_decode(type(value).__name__, data)


@pytest.mark.parametrize("stream", ["Nowhere", "intel.", "a.b.c", "9a"])
def test_a_text_that_is_not_a_name_of_a_stream_is_malformed_inside_a_receipt(stream: str) -> None:
    """In both implementations."""
    item = ReceiptItem(batch=H, outcomes=H)
    name = "a" * len(stream)
    data = codec.encode(Receipt(originator="GT", stream=name, items=(item,))).replace(name.encode(), stream.encode())

    with pytest.raises(codec.BadMessage):
        codec.decode(Receipt, data)
    with pytest.raises(Malformed):
        independent_decode("Receipt", data)
