"""Both implementations of the specification agree on published records, on each flipped byte and on forged records."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import structs

from broker import streams
from node.limits import DAY_MS
from node.primitives import frame
from node.reports.labels import labels_of
from node.sealing import hpke
from node.sealing.seal import open_type_leaf
from node.sharing.audience import audience_key_id
from node.stages import Leaf, StreamId
from node.store import message_search
from node.store.message_search import Query
from node.system_random import random_bytes
from schemas import types
from schemas.avro import codec
from schemas.avro.codec import sorted_set
from schemas.types import ClauseReference, Header, IntelligenceReport, KeyGrant, KeyUse, MessageType
from tests.independent import avro, primitives
from tests.support.community import (
    T0,
    Community,
    clause,
    keys_of,
)
from tests.support.exchange import Exchange, TestNode, exchange
from tests.support.records import (
    NOW,
    AudienceKey,
    Author,
    changed,
    entry_changed,
    grant_body,
    long_form,
    parts,
    place,
    report_of,
    resigned,
    seal_key,
    splice,
    wrap_for,
)
from tests.support.twins import Twins

CODES = ("BZ", "GT", "MX", "ES")


def shared() -> Community:
    """Four nodes. GT may have all reports of BZ, MX only those with H0. ES and BZ share reports of Europe."""
    made = Community(CODES)
    made.agreement("BZ-GT", ("BZ", "GT"))
    made.agreement("BZ-MX", ("BZ", "MX"), clause(("BZ",), ("MX",), "open", handling=("H0",)))
    made.agreement("ES", ("BZ", "ES"), clause(("ES",), ("BZ",), "eu", regions=("europe",)))
    return made


async def records_of(made: Exchange) -> list[tuple[StreamId, bytes]]:
    """Every record in the log, grants before messages."""
    found = []
    for topic in sorted(await made.bus.topics(), key=lambda name: not name.startswith("keys")):
        stream, originator = streams.stream_of(topic)
        bounds = (await made.bus.bounds([topic]))[topic]
        position = bounds.beginning
        while position < bounds.end:
            [fetched] = await made.bus.fetch({topic: position}, records_max=1000, wait_seconds=0)
            found += [(place(stream, originator), entry.value) for entry in fetched.entries if entry.value]
            position = fetched.entries[-1].position + 1
    return found


async def stored(node: TestNode) -> dict[bytes, bytes]:
    """The messages in the store of a node: message id -> payload."""
    found = await node.store.read(lambda db: message_search.search(db, Query(limit=1000)))
    return {message.message_id: codec.encode(message.report) for message in found if message.report is not None}


async def test_both_open_the_same_reports_from_all_published_records(tmp_path: Path) -> None:
    """Each store holds what the second reader opens: several streams and audiences, batches of 1 to 40, two days."""
    async with exchange(tmp_path, *CODES, community=shared()) as made:
        for day in range(2):
            made.clock.now += DAY_MS
            for code, batch in (("BZ", 40), ("GT", 3), ("ES", 2), ("MX", 1)):
                node = made.nodes[code]
                handling = [["H0"], ["H1"]]
                drafts = [
                    node.draft(
                        narrative={"text": f"No. {day} {i} {'é' * i}", "language": "en"}, handling=handling[i % 2]
                    )
                    for i in range(batch)
                ]
                if code == "ES":
                    text = {"text": f"Europe, day {day}", "language": "en"}
                    drafts += [node.draft(region="europe", narrative=text, handling=[h]) for h in ("H0", "H2")]
                await node.accept(drafts)
                await node.relay.step()
        records = await records_of(made)
        for code, node in made.nodes.items():
            await node.read()
            twins = Twins.of(code, made.community.documents, made.governance, keys_of(code))
            held = {}
            for where, value in records:
                answer = twins.read(value, where, made.clock.now)
                if answer.word == "stored":
                    held[codec.decode(Header, parts(value).header).message_id] = answer.payload

            assert held == await stored(node)
            assert twins.second.chain.findings == []
            assert len(held) == {"BZ": 80 + 6 + 4, "GT": 80 + 6, "MX": 40 + 2, "ES": 8}[code]


# Wraps: every byte.


@dataclass(frozen=True)
class Wrap:
    """An audience key wrapped for a private ENCRYPT key."""

    private: bytes
    wrap: bytes
    info: bytes

    def opens(self) -> list[bytes | None]:
        """The audience key that each implementation unwraps; None if it rejects the wrap."""
        try:
            first: bytes | None = hpke.unwrap(hpke.load_private(self.private), self.wrap, self.info)
        except hpke.WrapFailed:
            first = None
        return [first, primitives.hpke_open(self.private, self.wrap, self.info)]


AUDIENCE_KEY = bytes(range(32))


@cache
def wrap() -> Wrap:
    """A valid wrap."""
    private = bytes(range(96))
    info = frame("enlace/1 grant", bytes(32), "BZ", bytes(32), "GT", bytes(32))
    return Wrap(private, hpke.wrap(hpke.public_of(private), AUDIENCE_KEY, info), info)


def flips(data: bytes) -> list[bytes]:
    """`data` with each byte changed in turn."""
    return [data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :] for at in range(len(data))]


def test_a_wrap_opens_in_both() -> None:
    assert wrap().opens() == [AUDIENCE_KEY, AUDIENCE_KEY]


def test_each_flipped_byte_of_a_wrap_or_its_info_is_refused_by_both() -> None:
    good = wrap()

    assert all(Wrap(good.private, bad, good.info).opens() == [None, None] for bad in flips(good.wrap))
    assert all(Wrap(good.private, good.wrap, bad).opens() == [None, None] for bad in flips(good.info))


def test_each_flipped_byte_of_a_private_key_is_refused_by_both() -> None:
    """The exception is z of ML-KEM, bytes 32 to 63. It only affects the result for a wrong ciphertext."""
    good = wrap()
    for at, bad in enumerate(flips(good.private)):
        expected = AUDIENCE_KEY if 32 <= at < 64 else None

        assert Wrap(bad, good.wrap, good.info).opens() == [expected, expected]


def test_a_wrap_with_an_x25519_share_of_low_order_is_refused_by_both() -> None:
    """X-Wing itself would continue with a secret of zeros."""
    good = wrap()
    bad = good.wrap[:1088] + bytes(32) + good.wrap[1120:]

    assert Wrap(good.private, bad, good.info).opens() == [None, None]


def test_each_flipped_byte_of_an_audience_key_has_another_id_in_both() -> None:
    for bad in flips(AUDIENCE_KEY):
        first = audience_key_id(bad, bytes(32), "BZ")

        assert first == primitives.expand(bad, "enlace/1 audience key id", bytes(32), "BZ")
        assert first != audience_key_id(AUDIENCE_KEY, bytes(32), "BZ")


# Forged records: both give the same answer.


@cache
def community() -> Community:
    """BZ sends to GT by clause 1, and H0 only by clause 2 of another agreement. A third agreement has ended."""
    made = Community(("BZ", "GT", "MX"))
    made.agreement("ALL", ("BZ", "GT"), clause(("BZ",), ("GT",), "1", retention_days_max=800))
    made.agreement("H0", ("BZ", "GT"), clause(("BZ",), ("GT",), "2", handling=("H0",)))
    made.agreement("OLD", ("BZ", "GT"), status=types.AgreementStatus.ENDED)
    made.agreement("MX", ("BZ", "MX"))
    return made


def reference(agreement: str, clause_id: str = "1") -> ClauseReference:
    """A clause of the community; an unknown one if the agreement does not exist."""
    versions = community().governance.agreements.get(agreement)
    return ClauseReference(agreement=versions[0].hash if versions else bytes(32), clause=clause_id)


class Scene:
    """BZ writes and GT reads: a grant at sequence 1 of `keys`, and the records of a case."""

    def __init__(self, *clauses: ClauseReference, change: Callable[[KeyGrant], KeyGrant] = lambda body: body) -> None:
        self.author = Author(code="BZ", community=community().community)
        self.key = AudienceKey.new(self.author)
        self.body = change(grant_body(self.author, self.key, community().governance, self.to(*clauses)))
        self.grant = self.author.grant(self.body)
        self.twins = Twins.of("GT", community().documents, community().governance, keys_of("GT"))

    @staticmethod
    def to(*clauses: ClauseReference) -> dict[str, tuple[ClauseReference, ...]]:
        """GT by these clauses."""
        return {"GT": sorted_set(clauses or (reference("ALL"),))}

    def read(self, value: bytes, where: StreamId | None = None, now: int = NOW) -> str:
        """The answer of both for a record."""
        return self.twins.read(value, where or place(), now).word

    def after_grant(self, value: bytes, now: int = NOW) -> str:
        """The answer of both for a message whose grant was read before."""
        self.read(self.grant, place("keys"), now)
        return self.read(value, now=now)


def envelope(**fields: object) -> Callable[[bytes], bytes]:
    return lambda value: changed(value, **fields)


def batch(**fields: object) -> Callable[[bytes], bytes]:
    """Change fields of the batch, and sign it again."""

    def change(value: bytes) -> bytes:
        made = structs.replace(codec.decode(types.Batch, parts(value).batch), **fields)
        return resigned(value, codec.unsafe_encode(made), seal_key("BZ"))

    return change


def raw_batch(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    return lambda value: resigned(value, splice(parts(value).batch, old, new), seal_key("BZ"))


TAMPERED: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "nothing": ("stored", lambda value: value),
    "empty": ("framing_invalid", lambda _: b""),
    "one byte more": ("framing_invalid", lambda value: value + b"\0"),
    "one byte less": ("framing_invalid", lambda value: value[:-1]),
    "too large": ("record_too_large", lambda value: value + bytes(256 * 1024)),
    "another schema": ("framing_invalid", lambda value: value[:2] + bytes(8) + value[10:]),
    "path of 31 bytes": ("framing_invalid", envelope(path=bytes(31))),
    "path of 352 bytes": ("framing_invalid", envelope(path=bytes(352))),
    "negative index": ("framing_invalid", envelope(index=-1)),
    "index beyond 32 bits": ("framing_invalid", lambda v: v[:-2] + b"\x80\x80\x80\x80\x10\x00"),
    "long varint for index": ("framing_invalid", lambda v: v[:-2] + long_form(v[-2:-1]) + v[-1:]),
    "batch of nothing": ("batch_malformed", envelope(batch=b"")),
    "batch with a byte more": ("batch_malformed", lambda v: resigned(v, parts(v).batch + b"\0", seal_key("BZ"))),
    "size 0": ("batch_malformed", batch(size=0)),
    "size 1025": ("batch_malformed", batch(size=1025)),
    "sequence 0": ("batch_malformed", batch(first_sequence=0)),
    "sequence beyond 2^62": ("batch_malformed", batch(first_sequence=2**62 + 1, previous=b"\1" * 32)),
    "first with a predecessor": ("batch_malformed", batch(previous=b"\1" * 32)),
    "later without one": ("batch_malformed", batch(first_sequence=2)),
    "negative time": ("batch_malformed", batch(sealed_at=-1)),
    "stream of no kind": ("batch_malformed", batch(stream="rumours")),
    "stream without a region": ("batch_malformed", batch(stream="intel")),
    "stream with a NUL": ("batch_malformed", raw_batch(b"intel.caribbean", b"intel.caribbea\0")),
    "governance out of step": ("batch_malformed", batch(stream="governance", governance=3)),
    "another community": ("community_mismatch", batch(community=bytes(32))),
    "another stream": ("stream_mismatch", batch(stream="intel.europe")),
    "another originator": ("stream_mismatch", batch(originator="GT")),
    "suite 2": ("suite_unknown", batch(suite=2)),
    "unknown key": ("key_unknown", batch(key_id=bytes(32))),
    "key of another node": ("key_use_wrong", batch(key_id=seal_key("GT").key_id)),
    "key of another use": ("key_use_wrong", batch(key_id=keys_of("BZ").newest(KeyUse.AGREE).key_id)),
    "trustee's key": ("key_use_wrong", batch(key_id=keys_of("TR1").newest(KeyUse.AGREE).key_id)),
    "before the first document": ("key_use_wrong", batch(sealed_at=T0 - 1)),
    "after the last document": ("key_not_valid", batch(sealed_at=T0 + 366 * DAY_MS)),
    "governance of the future": ("held", batch(governance=5)),
    "governance of the future, forged": (
        "signature_invalid",
        lambda v: changed(batch(governance=5)(v), signature=bytes(64)),
    ),
    "from the future": ("held", batch(sealed_at=NOW + 300_001)),
    "skewed by five minutes": ("stored", batch(sealed_at=NOW + 300_000)),
    "signature of zeros": ("signature_invalid", envelope(signature=bytes(64))),
    "S plus L": (
        "signature_invalid",
        lambda v: changed(v, signature=parts(v).signature[:32] + plus_order(parts(v).signature[32:])),
    ),
    "index of another leaf": ("path_invalid", envelope(index=0)),
    "index at size": ("path_invalid", envelope(index=3)),
    "path of a hash more": ("path_invalid", lambda v: changed(v, path=parts(v).path + bytes(32))),
    "path of a hash less": ("path_invalid", lambda v: changed(v, path=parts(v).path[:-32])),
    "content of another": ("content_mismatch", envelope(content=b"x")),
    "no content": ("content_mismatch", envelope(content=b"")),
}


def plus_order(scalar: bytes) -> bytes:
    """The same scalar modulo L, not reduced."""
    order = 2**252 + 27742317777372353535851937790883648493
    return (int.from_bytes(scalar, "little") + order).to_bytes(32, "little")


@pytest.mark.parametrize(("word", "change"), TAMPERED.values(), ids=TAMPERED)
def test_both_give_the_same_answer_for_a_tampered_record(word: str, change: Callable[[bytes], bytes]) -> None:
    """The second message in a batch of three, with one change."""
    scene = Scene()
    leaves = [scene.author.sealed_leaf(scene.key) for _ in range(3)]
    value = change(scene.author.batch(leaves)[1])
    scene.read(scene.grant, place("keys"))

    assert scene.read(value) == word


def test_both_refuse_each_flipped_byte_of_a_message_with_the_same_code() -> None:
    scene = Scene()
    value = scene.author.message(scene.key)
    scene.read(scene.grant, place("keys"))
    words = {scene.read(bad) for bad in flips(value)}

    assert words <= {
        "framing_invalid",
        "batch_malformed",
        "community_mismatch",
        "stream_mismatch",
        "suite_unknown",
        "key_unknown",
        "key_use_wrong",
        "held",
        "signature_invalid",
        "path_invalid",
        "content_mismatch",
    }


LEAVES: dict[str, tuple[str, Callable[[Scene], bytes]]] = {
    "recall": ("counted", lambda s: s.author.recall(s.key, bytes(16))),
    "recall of nothing": (
        "header_malformed",
        lambda s: s.author.message(s.key, type=MessageType.RECALL),
    ),
    "message that refers": ("header_malformed", lambda s: s.author.message(s.key, refers_to=(bytes(16),))),
    "refers twice": ("header_malformed", lambda s: s.author.message(s.key, refers_to=(bytes(16), bytes(16)))),
    "not a midnight": ("header_malformed", lambda s: s.author.message(s.key, expires_at=DAY_MS + 1)),
    "expires never": ("header_malformed", lambda s: s.author.message(s.key, expires_at=0)),
    "grant 0": ("header_malformed", lambda s: s.author.message(s.key, sealing={"grant": 0})),
    "header of nothing": (
        "header_malformed",
        lambda s: s.author.batch([Leaf(header=b"", content=b"x")])[0],
    ),
    "not sealed": (
        "header_malformed",
        lambda s: s.author.batch([open_type_leaf(MessageType.MESSAGE, b"x" * 1084, message_id=bytes(16))])[0],
    ),
    "content of no padded length": (
        "body_malformed",
        lambda s: s.author.message(s.key, seal=lambda *_: bytes(1024 + 61)),
    ),
    "grant not here": (
        "waiting",
        lambda s: s.author.message(s.key, sealing={"audience_key_id": bytes(32), "grant": 9}),
    ),
    "grant of another key": (
        "grant_unlawful",
        lambda s: s.author.message(s.key, sealing={"audience_key_id": bytes(32)}),
    ),
    "key at another place": ("grant_unlawful", lambda s: s.author.message(s.key, sealing={"grant": 2})),
    "wrong commitment": (
        "commitment_mismatch",
        lambda s: s.author.message(s.key, seal=lambda *_: bytes(1084)),
    ),
    "another's key": (
        "commitment_mismatch",
        lambda s: s.author.message(replace(s.key, key=bytes(32))),
    ),
    "unknown content key": (
        "decryption_failed",
        lambda s: s.author.message(
            s.key, seal=lambda _, key: primitives.expand(key, "enlace/1 commitment") + bytes(1052)
        ),
    ),
    "padding not exact": ("decryption_failed", lambda s: s.author.message(s.key, seal=padded_by(2048))),
    "padding not zero": ("decryption_failed", lambda s: s.author.message(s.key, seal=padded_by(1024, b"\1"))),
    "labels of another hash": (
        "labels_mismatch",
        lambda s: s.author.message(s.key, sealing={"labels_hash": bytes(32)}),
    ),
    "labels of no schema": ("payload_malformed", lambda s: s.author.message(s.key, labels=b"labels")),
    "payload of no schema": (
        "payload_schema_unknown",
        lambda s: s.author.message(s.key, payload=b"\xc3\x01" + bytes(20)),
    ),
    "payload with a byte more": (
        "payload_malformed",
        lambda s: s.author.message(s.key, payload=codec.encode(report_of()) + b"\0"),
    ),
    "payload of a recall": (
        "payload_malformed",
        lambda s: s.author.message(s.key, structs.replace(report_of(), kind=types.LabelKind.RECALL)),
    ),
    "created after it was sealed": ("labels_mismatch", lambda s: s.author.message(s.key, report_of(now=NOW + 1))),
    "other handling in the labels": (
        "labels_mismatch",
        lambda s: s.author.message(s.key, report_of(handling=["H1"]), labels=labels()),
    ),
    "expires on another day": ("labels_mismatch", lambda s: s.author.message(s.key, expires_at=DAY_MS * 30_000)),
    "another region": (
        "labels_mismatch",
        lambda s: s.author.message(s.key, structs.replace(report_of(), region="europe")),
    ),
    "recall that expires on another day": (
        "labels_mismatch",
        lambda s: s.author.recall(s.key, bytes(16), retain_until=30_000),
    ),
    "recall made after it was sealed": (
        "labels_mismatch",
        lambda s: s.author.recall(s.key, bytes(16), created_at=NOW + 1),
    ),
    "recall of another kind": (
        "labels_mismatch",
        lambda s: s.author.recall(s.key, bytes(16), kind=types.LabelKind.REPORT),
    ),
    "kept too long for the clause": (
        "clause_not_satisfied",
        lambda s: s.author.message(s.key, report_of(retain_until="2030-12-31")),
    ),
}


def labels() -> types.Labels:
    """The labels of a report with H0."""
    return labels_of(report_of(), bytes(32))


def padded_by(length: int, filler: bytes = b"\0") -> Callable[[bytes, bytes], bytes]:
    """Seal with another padding."""

    def seal(framed: bytes, key: bytes) -> bytes:
        nonce, plain = bytes(12), framed.ljust(length, filler)
        sealed = AESGCM(primitives.expand(key, "enlace/1 content key")).encrypt(nonce, plain, None)
        return primitives.expand(key, "enlace/1 commitment") + nonce + sealed

    return seal


@pytest.mark.parametrize(("word", "make"), LEAVES.values(), ids=LEAVES)
def test_both_give_the_same_answer_for_a_message_that_was_sealed_wrong(
    word: str, make: Callable[[Scene], bytes]
) -> None:
    """The signatures are valid, so steps 7 and 13 to 17 decide."""
    scene = Scene()

    assert scene.after_grant(make(scene)) == word


def wrong_wrap(body: KeyGrant) -> KeyGrant:
    [entry] = [entry for entry in body.entries if entry.recipient == "GT"]
    return entry_changed(body, "GT", wrap=flips(entry.wrap)[5])


def wrong_key(body: KeyGrant) -> KeyGrant:
    author = Author(code="BZ", community=community().community)
    made = wrap_for(author, random_bytes(32), body.audience_key_id, "GT", (reference("ALL"),))
    return entry_changed(body, "GT", wrap=made.wrap)


def own_with_clause(body: KeyGrant) -> KeyGrant:
    return entry_changed(body, "BZ", clauses=(reference("ALL"),))


GRANTS: dict[str, tuple[str, str, tuple[ClauseReference, ...], Callable[[KeyGrant], KeyGrant]]] = {
    "two clauses": ("counted", "stored", (reference("ALL"), reference("H0", "2")), lambda body: body),
    "ended agreement": ("counted", "grant_unlawful", (reference("OLD"),), lambda body: body),
    "one of two ended": ("counted", "grant_unlawful", (reference("ALL"), reference("OLD")), lambda body: body),
    "agreement of others": ("counted", "grant_unlawful", (reference("MX"),), lambda body: body),
    "no such clause": ("counted", "grant_unlawful", (reference("ALL", "9"),), lambda body: body),
    "agreement not here": ("counted", "waiting", (reference("NONE"),), lambda body: body),
    "not here and ended": (
        "counted",
        "waiting",
        (reference("NONE"), reference("OLD")),
        lambda body: body,
    ),
    "used too long": (
        "grant_unlawful",
        "grant_unlawful",
        (),
        lambda body: structs.replace(body, use_until=NOW + DAY_MS + 1),
    ),
    "used no more": ("grant_unlawful", "grant_unlawful", (), lambda body: structs.replace(body, use_until=NOW - 1)),
    "no entry": (
        "counted",
        "not_addressed",
        (),
        lambda body: structs.replace(body, entries=tuple(e for e in body.entries if e.recipient != "GT")),
    ),
    "no clause": ("body_malformed", "waiting", (), lambda body: entry_changed(body, "GT", clauses=())),
    "own with a clause": ("body_malformed", "waiting", (), own_with_clause),
    "key not here": ("counted", "waiting", (), lambda body: entry_changed(body, "GT", key_id=bytes(32))),
    "wrap changed": ("audience_key_mismatch", "audience_key_mismatch", (), wrong_wrap),
    "another key inside": ("audience_key_mismatch", "audience_key_mismatch", (), wrong_key),
    "no entries": ("body_malformed", "waiting", (), lambda body: structs.replace(body, entries=())),
    "not sorted": (
        "body_malformed",
        "waiting",
        (),
        lambda body: structs.replace(body, entries=tuple(reversed(body.entries))),
    ),
}


@pytest.mark.parametrize(("of_grant", "of_message", "clauses", "change"), GRANTS.values(), ids=GRANTS)
def test_both_give_the_same_answer_for_an_unlawful_grant_and_its_message(
    of_grant: str, of_message: str, clauses: tuple[ClauseReference, ...], change: Callable[[KeyGrant], KeyGrant]
) -> None:
    scene = Scene(*clauses, change=change)

    assert scene.read(scene.grant, place("keys")) == of_grant
    assert scene.read(scene.author.message(scene.key)) == of_message


def test_both_open_a_message_by_the_first_grant_of_its_key_only() -> None:
    """A second grant of the same key has no effect, even if its content differs."""
    scene = Scene()
    second = scene.author.grant(scene.body)
    assert scene.read(scene.grant, place("keys")) == "counted"
    assert scene.read(second, place("keys")) == "counted"

    assert scene.read(scene.author.message(scene.key)) == "stored"
    assert scene.read(scene.author.message(scene.key, sealing={"grant": 2})) == "grant_unlawful"


@pytest.mark.parametrize(
    ("order", "named", "answer"),
    [
        (("GT", "BZ"), 2, "stored"),
        (("BZ", "GT"), 2, "stored"),
        (("BZ", "GT"), 1, "not_addressed"),
        (("GT", "BZ"), 3, "grant_unlawful"),
    ],
)
def test_both_join_the_parts_of_a_grant(order: tuple[str, ...], named: int, answer: str) -> None:
    """A message is for the entries of the parts up to the one that it names. A later batch adds none."""
    scene = Scene()
    scene.author.heads.clear()  # the scene's own grant is not read
    entries = {entry.recipient: entry for entry in scene.body.entries}
    bodies = [structs.replace(scene.body, entries=(entries[code],)) for code in order]
    leaves = [open_type_leaf(MessageType.KEY_GRANT, codec.encode(body), message_id=random_bytes(16)) for body in bodies]
    for value in [*scene.author.batch(leaves, stream="keys"), scene.author.grant(bodies[0])]:
        assert scene.read(value, place("keys")) == "counted"
    key = AudienceKey(key=scene.key.key, key_id=scene.key.key_id, grant=named)

    assert scene.read(scene.author.message(key)) == answer


def test_both_give_the_same_answer_for_the_chain() -> None:
    """Duplicates, branches, wrong successors, and ids that are used twice."""
    scene = Scene()
    scene.read(scene.grant, place("keys"))
    first = scene.author.batch([scene.author.sealed_leaf(scene.key, message_id=b"\1" * 16) for _ in range(2)])
    branch = scene.author.fork()
    second = scene.author.message(scene.key)
    words = [scene.read(value) for value in (first[0], first[0], first[1], first[1])]

    assert words == ["stored", "duplicate", "message_id_reused", "duplicate"]
    assert scene.read(batch(first_sequence=9)(second)) == "chain_invalid"
    assert scene.read(batch(sealed_at=NOW - 1)(second)) == "chain_invalid"
    assert scene.read(second) == "stored"
    assert scene.read(branch.message(scene.key)) == "equivocation"
    assert scene.read(second) == "duplicate"


def test_both_withhold_an_expired_message() -> None:
    scene = Scene()
    until = (report_of().retain_until + 1) * DAY_MS

    assert scene.after_grant(scene.author.message(scene.key), now=until) == "expired"
    assert scene.read(scene.author.message(scene.key), now=until - 1) == "stored"


def test_both_open_a_message_for_the_originator_itself() -> None:
    scene = Scene()
    scene.twins = Twins.of("BZ", community().documents, community().governance, keys_of("BZ"))

    assert scene.after_grant(scene.author.message(scene.key, report_of(retain_until="2030-12-31"))) == "stored"


# Encoding: each reads what the other writes, and the schemas have the same fingerprints.


WIRE = [
    getattr(types, name) for name in sorted(avro.TYPES) if avro.TYPES[name]["type"] == "record" and hasattr(types, name)
]


@pytest.mark.parametrize("cls", WIRE, ids=lambda cls: cls.__name__)
def test_both_give_a_schema_the_same_fingerprint(cls: type[types.Record]) -> None:
    assert codec.fingerprint(cls) == avro.fingerprint(cls.__name__)


def test_both_encode_a_report_alike() -> None:
    data = codec.encode(report_of())

    assert avro.encode("IntelligenceReport", avro.decode("IntelligenceReport", data)) == data
    assert codec.decode(IntelligenceReport, data) == report_of()


def test_documents_have_the_same_effect_in_both() -> None:
    """The second implementation knows the keys and agreements that the project knows."""
    scene, governance = Scene(), community().governance
    knowledge = scene.twins.second.chain.knowledge

    assert all(governance.key(key_id) is not None for key_id in knowledge.keys)
    named = {name.split("/")[0] for (kind, name) in knowledge.versions if kind == "AGREEMENT"}
    assert named == set(governance.agreements)
    for versions in governance.agreements.values():
        found = knowledge.agreement(versions[0].hash)
        assert found is not None
        assert knowledge.in_force(found, NOW) == versions[0].in_force(NOW)
