"""A seal binds one key, one header, one stream and one originator. AES-GCM alone does not bind them."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import structs

from node.limits import DAY_MS
from node.primitives import expand
from node.sharing.audience import audience_key_id
from node.stages import Leaf
from node.system_random import random_bytes
from schemas.avro import codec
from schemas.types import Header, MessageType
from tests.support.readers import (
    code_of,
    decide,
    granted,
    judge,
    world,
)
from tests.support.records import (
    AudienceKey,
    grant_body,
    parts,
    report_of,
    wrap_for,
)

REPORT = report_of()

# AES-GCM alone binds no key.


def multiply(x: int, y: int) -> int:
    """Multiplication in GF(2^128) as in GCM (SP 800-38D, 6.3)."""
    z = 0
    for bit in range(127, -1, -1):
        if x >> bit & 1:
            z ^= y
        y = y >> 1 ^ (0xE1 << 120 if y & 1 else 0)
    return z


def power(x: int, n: int) -> int:
    out = 1 << 127
    while n:
        if n & 1:
            out = multiply(out, x)
        x, n = multiply(x, x), n >> 1
    return out


def ecb(key: bytes, block: bytes) -> int:
    cipher = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    return int.from_bytes(cipher.update(block), "big")


def two_key_ciphertext(first: bytes, second: bytes, *, nonce: bytes, length: int) -> bytes:
    """Ciphertext and tag that are valid under both keys: the last block is computed so (invisible salamanders)."""
    blocks = [bytes([n]) * 16 for n in range(length // 16 - 1)]
    hashes = [ecb(key, bytes(16)) for key in (first, second)]
    masks = [ecb(key, nonce + b"\x00\x00\x00\x01") for key in (first, second)]
    count = len(blocks) + 1
    sums = []
    for h, mask in zip(hashes, masks, strict=True):
        total = multiply(length * 8, h) ^ mask
        for index, block in enumerate(blocks):
            total ^= multiply(int.from_bytes(block, "big"), power(h, count + 1 - index))
        sums.append(total)
    factor = power(hashes[0], 2) ^ power(hashes[1], 2)
    last = multiply(sums[0] ^ sums[1], power(factor, 2**128 - 2))
    tag = sums[0] ^ multiply(last, power(hashes[0], 2))
    return b"".join(blocks) + last.to_bytes(16, "big") + tag.to_bytes(16, "big")


@pytest.mark.parametrize(
    ("committed", "code"), [("its own", "decryption_failed"), ("the other", "commitment_mismatch")]
)
def test_a_ciphertext_that_two_keys_decrypt_opens_under_neither(committed: str, code: str) -> None:
    """Two recipients never read two texts: the commitment is to one key, and its plaintext is not a message."""
    author = world().author()
    key, grant = granted(author)
    other, nonce = random_bytes(32), random_bytes(12)
    keys: list[bytes] = []

    def seal(_: bytes, message_key: bytes) -> bytes:
        keys.extend(expand(secret, "enlace/1 content key") for secret in (message_key, other))
        commitment = expand(message_key if committed == "its own" else other, "enlace/1 commitment")
        return commitment + nonce + two_key_ciphertext(*keys, nonce=nonce, length=1024)

    value = author.message(key, REPORT, seal=seal)
    sealed = parts(value).content[44:]

    assert [len(AESGCM(key).decrypt(nonce, sealed, None)) for key in keys] == [1024, 1024]
    assert code_of(decide(judge(), value, author.grant(grant))) == code


# The header is bound through the key.


def stolen(value: bytes, thief: str, **header: Any) -> bytes:
    """Header and content of `value`, in a new batch that `thief` signs."""
    lawful = codec.decode(Header, parts(value).header)
    changed = codec.encode(structs.replace(lawful, **header))
    author = world().author(thief)
    return author.batch([Leaf(header=changed, content=parts(value).content)])[0]


def test_content_of_one_originator_signed_by_another_does_not_open() -> None:
    """MX has BZ's key and signs BZ's header and content as its own."""
    author, mx = world().author(), world().author("MX")
    key, _ = granted(author)
    value = author.message(key, REPORT)
    body = grant_body(mx, key, judge().governance, {}, audience_key_id=key.key_id)
    record = mx.grant(structs.replace(body, entries=(wrap_for(mx, key.key, key.key_id, "MX", ()),)))

    assert code_of(decide(judge("MX"), stolen(value, "MX"), record, originator="MX")) == "audience_key_mismatch"


def test_content_under_the_key_of_another_originator_and_a_new_header_does_not_open() -> None:
    """MX grants the same key under its own key id, and the content does not open either."""
    author, mx = world().author(), world().author("MX")
    key, _ = granted(author)
    value = author.message(key, REPORT)
    own = AudienceKey(key=key.key, key_id=audience_key_id(key.key, mx.community, "MX"), grant=1)
    record = mx.grant(grant_body(mx, own, judge().governance, {}))
    sealing = codec.decode(Header, parts(value).header).sealing
    assert sealing is not None
    renamed = structs.replace(sealing, audience_key_id=own.key_id)

    found = decide(judge("MX"), stolen(value, "MX", sealing=renamed), record, originator="MX")
    assert code_of(found) == "commitment_mismatch"


HEADERS: dict[str, dict[str, Any]] = {
    "another id": {"message_id": bytes(16)},
    "a longer life": {"expires_at": DAY_MS * 30000},
    "a recall": {"type": MessageType.RECALL, "refers_to": (bytes(16),)},
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_a_thief_of_the_seal_key_alone_cannot_change_a_header(header: dict[str, Any]) -> None:
    author = world().author()
    key, grant = granted(author)
    value = author.fork().message(key, REPORT)

    assert code_of(decide(judge(), stolen(value, "BZ", **header), author.grant(grant))) == "commitment_mismatch"


def test_a_message_moved_to_another_stream_of_its_originator_does_not_open() -> None:
    author = world().author()
    key, grant = granted(author)
    value = author.message(key, REPORT)
    leaf = Leaf(header=parts(value).header, content=parts(value).content)
    moved = author.batch([leaf], stream="intel.europe")[0]

    found = decide(judge(), moved, author.grant(grant), stream="intel.europe")
    assert code_of(found) == "commitment_mismatch"
