"""Makes forged records: any field changed, signed by a chosen key and sealed under a chosen audience key.

`Author` writes by the rules, as an originator does. Each of its arguments can break one rule. Bytes that no encoder
writes are spliced into a valid encoding, so that a record has only the fault that its test is about.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec import structs

from node.limits import DAY_MS, SUITE
from node.primitives import digest, expand, frame
from node.reports.labels import expires_at, labels_of
from node.reports.validate import validate
from node.sealing import hpke, merkle
from node.sealing.private_keys import PrivateKey
from node.sealing.seal import open_type_leaf, seal_content
from node.sharing.audience import audience_key_id, audience_of, make_grants
from node.stages import Leaf, StreamHead, StreamId
from node.system_random import random_bytes
from node.trust.governance import Governance
from schemas.avro import codec
from schemas.types import (
    Batch,
    ClauseReference,
    GrantEntry,
    Header,
    IntelligenceReport,
    KeyGrant,
    KeyUse,
    LabelKind,
    Labels,
    MessageType,
    Recall,
    SealedMessage,
    Sealing,
)
from tests.support.community import T0, keys_of
from tests.support.exchange import TOPOLOGY, report

NOW = T0 + 2 * DAY_MS
INTEL = "intel.caribbean"


def place(stream: str = INTEL, originator: str = "BZ") -> StreamId:
    """The stream and originator of the topic where a record is read."""
    return StreamId(stream=stream, originator=originator)


def report_of(originator: str = "BZ", *, now: int = NOW, **changes: Any) -> IntelligenceReport:
    """A valid report of `originator`, accepted at `now`."""
    draft = validate(report(**changes), originator=originator, topology=TOPOLOGY, now_ms=now, resolve_references={})
    return draft.report


def splice(data: bytes, old: bytes, new: bytes) -> bytes:
    """`data` with the only occurrence of `old` replaced."""
    assert data.count(old) == 1
    return data.replace(old, new)


def long_form(varint: bytes, extra: int = 1) -> bytes:
    """The same varint with `extra` more bytes than it needs."""
    return varint[:-1] + bytes([varint[-1] | 0x80]) + b"\x80" * (extra - 1) + b"\x00"


def parts(value: bytes) -> SealedMessage:
    """The envelope of a record."""
    return codec.decode(SealedMessage, value)


def changed(value: bytes, **fields: Any) -> bytes:
    """The record with fields of its envelope replaced, and the old signature."""
    return codec.unsafe_encode(structs.replace(parts(value), **fields))


def resigned(value: bytes, batch: bytes, key: PrivateKey, *, context: str = "enlace/1 batch") -> bytes:
    """The record with `batch` instead of its own batch, signed by `key`."""
    return changed(value, batch=batch, signature=key.sign(frame(context, batch)))


def seal_key(code: str) -> PrivateKey:
    """The SEAL key of a node."""
    return keys_of(code).newest(KeyUse.SEAL)


@dataclass
class Author:
    """An originator that writes; its chains continue from `heads`."""

    code: str
    community: bytes
    heads: dict[str, StreamHead] = field(default_factory=dict)
    now: int = NOW

    def fork(self) -> "Author":
        """The same originator with the same heads, to write a second branch of its chains."""
        return Author(code=self.code, community=self.community, heads=dict(self.heads), now=self.now)

    def batch(
        self, leaves: Sequence[Leaf], *, stream: str = INTEL, key: PrivateKey | None = None, **fields: Any
    ) -> list[bytes]:
        """The records of the next batch; `fields` of the batch and the `key` that signs may be wrong."""
        key, head = key or seal_key(self.code), self.heads.get(stream, StreamHead())
        hashes = [digest(leaf.content) for leaf in leaves]
        root, paths = merkle.tree(
            [merkle.leaf_hash(digest(leaf.header), content) for leaf, content in zip(leaves, hashes, strict=True)]
        )
        values: dict[str, Any] = {
            "suite": SUITE,
            "community": self.community,
            "originator": self.code,
            "stream": stream,
            "first_sequence": head.next_sequence,
            "size": len(leaves),
            "root": root,
            "previous": head.batch_hash,
            "sealed_at": max(self.now, head.sealed_at),
            "governance": 0,
            "key_id": key.key_id,
        }
        made = Batch(**values | fields)
        batch = codec.unsafe_encode(made)
        signature = key.sign(frame("enlace/1 batch", batch))
        self.heads[stream] = StreamHead(
            next_sequence=made.first_sequence + made.size, batch_hash=digest(batch), sealed_at=made.sealed_at
        )
        return [
            codec.unsafe_encode(
                SealedMessage(
                    header=leaf.header,
                    content_hash=content_hash,
                    content=leaf.content,
                    batch=batch,
                    signature=signature,
                    index=index,
                    path=path,
                )
            )
            for index, (leaf, content_hash, path) in enumerate(zip(leaves, hashes, paths, strict=True))
        ]

    def grant(self, body: KeyGrant | bytes, **batch: Any) -> bytes:
        """The record of one grant."""
        content = body if isinstance(body, bytes) else codec.unsafe_encode(body)
        leaf = open_type_leaf(MessageType.KEY_GRANT, content, message_id=random_bytes(16))
        return self.batch([leaf], stream="keys", **batch)[0]

    def message(
        self, key: "AudienceKey", report: IntelligenceReport | None = None, *, stream: str = INTEL, **leaf: Any
    ) -> bytes:
        """The record of one report, alone in its batch; `leaf` as for `sealed_leaf`."""
        return self.batch([self.sealed_leaf(key, report, stream=stream, **leaf)], stream=stream)[0]

    def sealed_leaf(
        self,
        key: "AudienceKey",
        report: IntelligenceReport | None = None,
        *,
        stream: str = INTEL,
        labels: Labels | bytes | None = None,
        payload: bytes | None = None,
        seal: Callable[[bytes, bytes], bytes] | None = None,
        sealing: dict[str, Any] | None = None,
        **header: Any,
    ) -> Leaf:
        """A sealed report; `seal(framed, message key)` makes the content, `sealing` and `header` replace fields."""
        report = report or report_of(self.code, now=self.now)
        labels = labels_of(report, random_bytes(32)) if labels is None else labels
        encoded = labels if isinstance(labels, bytes) else codec.unsafe_encode(labels)
        names: dict[str, Any] = {"audience_key_id": key.key_id, "grant": key.grant, "labels_hash": digest(encoded)}
        fields: dict[str, Any] = {
            "message_id": random_bytes(16),
            "type": MessageType.MESSAGE,
            "refers_to": (),
            "expires_at": expires_at(report),
            "sealing": Sealing(**names | (sealing or {})),
        }
        head = codec.unsafe_encode(Header(**fields | header))
        message_key = expand(key.key, "enlace/1 message key", self.community, self.code, stream, head)
        framed = frame(encoded, codec.unsafe_encode(report) if payload is None else payload)
        return Leaf(header=head, content=seal(framed, message_key) if seal else sealed(framed, message_key))

    def recall(self, key: "AudienceKey", named: bytes, *, days: int = 400, **labels: Any) -> bytes:
        """A RECALL of the message `named`. The header has `days` of retention; `labels` may contradict it."""
        until = NOW // DAY_MS + days
        made = structs.replace(
            labels_of(report_of(self.code), random_bytes(32)), kind=LabelKind.RECALL, retain_until=until
        )
        return self.message(
            key,
            labels=structs.replace(made, **labels),
            payload=codec.encode(Recall(reason="sent in error")),
            type=MessageType.RECALL,
            refers_to=(named,),
            expires_at=(until + 1) * DAY_MS,
        )


def sealed(framed: bytes, message_key: bytes) -> bytes:
    """The content as an honest originator seals it."""
    return seal_content(framed, message_key, random_bytes(12))


@dataclass(frozen=True, kw_only=True)
class AudienceKey:
    """An audience key, and the sequence of its grant."""

    key: bytes
    key_id: bytes
    grant: int

    @classmethod
    def new(cls, author: Author, *, grant: int = 1) -> "AudienceKey":
        """A random key of `author`."""
        key = random_bytes(32)
        return cls(key=key, key_id=audience_key_id(key, author.community, author.code), grant=grant)


def grant_body(
    author: Author,
    key: AudienceKey,
    governance: Governance,
    recipients: dict[str, tuple[ClauseReference, ...]],
    **fields: Any,
) -> KeyGrant:
    """The lawful grant of `key` to `recipients` by these clauses; `fields` of the grant may be replaced."""
    audience = audience_of(recipients, originator=author.code, governance=governance, t=author.now)
    [body] = make_grants(
        audience, key=key.key, community=author.community, originator=author.code, use_until=author.now + DAY_MS
    )
    return structs.replace(body, **fields)


def entry_changed(body: KeyGrant, recipient: str, /, **fields: Any) -> KeyGrant:
    """The grant with fields of a recipient's entry replaced."""
    entries = [structs.replace(entry, **fields) if entry.recipient == recipient else entry for entry in body.entries]
    return structs.replace(body, entries=codec.sorted_set(entries))


def wrap_for(
    author: Author, key: bytes, key_id: bytes, recipient: str, clauses: tuple[ClauseReference, ...]
) -> GrantEntry:
    """An entry that gives `key` to `recipient` under `key_id`, which may be a wrong id."""
    public = keys_of(recipient).newest(KeyUse.ENCRYPT)
    info = frame("enlace/1 grant", author.community, author.code, key_id, recipient, public.key_id)
    return GrantEntry(
        recipient=recipient, key_id=public.key_id, clauses=clauses, wrap=hpke.wrap(public.public, key, info)
    )
