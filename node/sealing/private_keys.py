"""The private keys of one node or trustee, in memory.

Not here: their file (key_file.py), public keys and their rules (public_keys.py), and which keys are listed and valid
(governance.py). Rules:

- a public key is derived from its private key and passes public_keys.check_public;
- all generations of a key are kept, oldest first; the last of each use is the one to register and to sign with.

An ENCRYPT private key is ML-KEM seed (64) || X25519 (32); the others are seeds of 32 bytes.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey

from node.errors import UsageError
from node.limits import SUITE
from node.sealing.hpke import PRIVATE_SIZE_BYTES, EncryptPrivateKey, load_private, public_of
from node.sealing.public_keys import BadKey, check_public, key_id
from node.system_random import random_bytes
from schemas.types import KeyUse

SEED_SIZE_BYTES: Final = 32
ALL_USES: Final = (KeyUse.SEAL, KeyUse.AGREE, KeyUse.CHECKPOINT, KeyUse.ENCRYPT)


@dataclass(frozen=True, kw_only=True)
class PrivateKey:
    """One private key with its public key and id. Its repr shows no secret."""

    node: str
    use: KeyUse
    private: bytes = field(repr=False)

    def __post_init__(self) -> None:
        size = PRIVATE_SIZE_BYTES if self.use is KeyUse.ENCRYPT else SEED_SIZE_BYTES
        if len(self.private) != size:
            raise BadKey("key_length", f"a private key of use {self.use} has {size} bytes, not {len(self.private)}")
        check_public(self.use, SUITE, self.public)

    @cached_property
    def public(self) -> bytes:
        """The public key as a document lists it."""
        if self.use is KeyUse.ENCRYPT:
            return public_of(self.private)
        return self._signer.public_key().public_bytes_raw()

    @cached_property
    def key_id(self) -> bytes:
        """The id of the public key, 32 bytes."""
        return key_id(self.node, self.use, SUITE, self.public)

    @cached_property
    def _signer(self) -> Ed25519PrivateKey | MLDSA65PrivateKey:
        if self.use is KeyUse.CHECKPOINT:
            return MLDSA65PrivateKey.from_seed_bytes(self.private)
        return Ed25519PrivateKey.from_private_bytes(self.private)

    def sign(self, data: bytes) -> bytes:
        """Sign with Ed25519, or with ML-DSA-65 and empty context for CHECKPOINT. ValueError for an ENCRYPT key."""
        if self.use is KeyUse.ENCRYPT:
            raise ValueError("an ENCRYPT key cannot sign")
        return self._signer.sign(data)

    @cached_property
    def decryption_key(self) -> EncryptPrivateKey:
        """The key for hpke.unwrap. ValueError for a signing key."""
        if self.use is not KeyUse.ENCRYPT:
            raise ValueError(f"a {self.use} key cannot unwrap")
        return load_private(self.private)


class PrivateKeys:
    """All private keys of one node or trustee."""

    def __init__(self, node: str, keys: tuple[PrivateKey, ...], elsewhere: Iterable[bytes] = ()) -> None:
        """`elsewhere` are the ids of further keys of the node that are kept in another file."""
        self.node = node
        self.keys = keys
        self.elsewhere = frozenset(elsewhere)
        self._by_id = {key.key_id: key for key in keys}
        self._newest = {key.use: key for key in keys}

    @classmethod
    def generate(cls, node: str, uses: tuple[KeyUse, ...] = ALL_USES) -> Self:
        """New random keys, one for each use."""
        sizes = {use: PRIVATE_SIZE_BYTES if use is KeyUse.ENCRYPT else SEED_SIZE_BYTES for use in uses}
        return cls(node, tuple(PrivateKey(node=node, use=use, private=random_bytes(sizes[use])) for use in uses))

    def with_new(self, *uses: KeyUse) -> "PrivateKeys":
        """These keys and a new generation for each of `uses`."""
        return PrivateKeys(self.node, self.keys + PrivateKeys.generate(self.node, uses).keys, self.elsewhere)

    def without(self, use: KeyUse) -> "PrivateKeys":
        """The keys of the other uses; those of this use are elsewhere."""
        kept = tuple(key for key in self.keys if key.use is not use)
        return PrivateKeys(self.node, kept, {*self.elsewhere, *(key.key_id for key in self.of_use(use).keys)})

    def of_use(self, use: KeyUse) -> "PrivateKeys":
        """The keys of one use alone."""
        return PrivateKeys(self.node, tuple(key for key in self.keys if key.use is use))

    def with_those(self, others: "PrivateKeys") -> "PrivateKeys":
        """These keys and those of another file of the same node, which count as the older ones."""
        return PrivateKeys(self.node, (*others.keys, *self.keys), self.elsewhere)

    def newest(self, use: KeyUse) -> PrivateKey:
        """The last generation of a use. UsageError if there is none."""
        key = self._newest.get(use)
        if key is None:
            raise UsageError("key_missing", f"the keys of {self.node} contain no {use} key")
        return key

    def by_id(self, wanted: bytes) -> PrivateKey | None:
        """The key with this id, of any generation."""
        return self._by_id.get(wanted)

    def is_own(self, wanted: bytes) -> bool:
        """Whether the key with this id is here, or is known to be in another file of the node."""
        return wanted in self._by_id or wanted in self.elsewhere

    def sign(self, use: KeyUse, data: bytes) -> bytes:
        """Sign with the newest key of a use. `newest(use).key_id` is the id of that key."""
        return self.newest(use).sign(data)
