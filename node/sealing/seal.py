"""Seals reports under an audience key and joins leaves into signed batches: the bytes that may leave the node.

Pure: randomness, the signing function and the time are arguments. sharing/policy.py decides who may read a report, and
exchange/relay.py stores the head of the stream.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from broker.streams import intel_stream
from node.limits import GOVERNANCE_IN_FILES, SUITE
from node.primitives import digest, expand, frame, padded_length
from node.reports.labels import expires_at
from node.sealing import merkle
from node.stages import Leaf, SealedBatch, StreamHead
from schemas.avro import codec
from schemas.types import Batch, Header, Labels, MessageType, SealedMessage, Sealing

RandomSource = Callable[[int], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """The originator of batches, with its SEAL key behind a function."""

    originator: str
    community: bytes
    key_id: bytes
    sign: Callable[[bytes], bytes]


def seal_report(
    payload: bytes,
    labels: Labels,
    *,
    region: str,
    message_id: bytes,
    audience_key: bytes,
    audience_key_id: bytes,
    grant: int,
    signer: Signer,
    random: RandomSource,
) -> Leaf:
    """Seal one report of a region ("Sealing"). `payload` is its encoding, `labels` are its labels with their salt.

    `grant` is the sequence of the grant of the audience key.
    """
    encoded_labels = codec.encode(labels)
    header = codec.encode(
        Header(
            message_id=message_id,
            type=MessageType.MESSAGE,
            refers_to=(),
            expires_at=expires_at(labels),
            sealing=Sealing(audience_key_id=audience_key_id, grant=grant, labels_hash=digest(encoded_labels)),
        )
    )
    stream = intel_stream(region)
    key = expand(audience_key, "enlace/1 message key", signer.community, signer.originator, stream, header)
    return Leaf(header=header, content=seal_content(frame(encoded_labels, payload), key, random(12)))


def seal_content(framed: bytes, message_key: bytes, nonce: bytes) -> bytes:
    """commitment || nonce (12) || AES-256-GCM ciphertext of the padded plaintext."""
    plain = framed.ljust(padded_length(len(framed)), b"\x00")
    sealed = AESGCM(expand(message_key, "enlace/1 content key")).encrypt(nonce, plain, None)
    return expand(message_key, "enlace/1 commitment") + nonce + sealed


def open_type_leaf(message_type: MessageType, body: bytes, *, message_id: bytes) -> Leaf:
    """A leaf of an open type, which is signed but not encrypted: its content is the body itself."""
    header = Header(message_id=message_id, type=message_type, refers_to=(), expires_at=0, sealing=None)
    return Leaf(header=codec.encode(header), content=body)


def seal_batch(leaves: Sequence[Leaf], *, stream: str, head: StreamHead, sealed_at: int, signer: Signer) -> SealedBatch:
    """Join 1 to 1024 leaves into a signed batch after `head`. Its time is `sealed_at`, or that of `head` if later."""
    hashes = [digest(leaf.content) for leaf in leaves]
    root, paths = merkle.tree(
        [merkle.leaf_hash(digest(leaf.header), content) for leaf, content in zip(leaves, hashes, strict=True)]
    )
    time = max(sealed_at, head.sealed_at)
    batch = codec.encode(
        Batch(
            suite=SUITE,
            community=signer.community,
            originator=signer.originator,
            stream=stream,
            first_sequence=head.next_sequence,
            size=len(leaves),
            root=root,
            previous=head.batch_hash,
            sealed_at=time,
            governance=GOVERNANCE_IN_FILES,
            key_id=signer.key_id,
        )
    )
    signature = signer.sign(frame("enlace/1 batch", batch))
    values = tuple(
        codec.encode(
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
    )
    after = StreamHead(next_sequence=head.next_sequence + len(leaves), batch_hash=digest(batch), sealed_at=time)
    return SealedBatch(stream=stream, first_sequence=head.next_sequence, values=values, head=after)
