"""The private keys of one node or trustee, in memory and in a file.

Not here: public keys and their rules (keys.py), which of the keys are listed and valid (governance.py).
Rules:

- the file is readable by its owner alone (files.py), whether it is encrypted or not;
- with a passphrase it is encrypted: scrypt makes a key of the passphrase, AES-256-GCM seals the keys and binds the
  file's other fields; without one the private keys stand in it plainly;
- each public key is worked out of its private key again at load and passes the checks of keys.py;
- several generations are kept, oldest first: the last of a use is the one to register and to sign with.

ENCRYPT private keys are ML-KEM seed (64) || X25519 (32); the others are seeds of 32 bytes.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final, Self

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from node.errors import UsageError
from node.files import SECRET_MODE, read_secret, write_file
from node.limits import SUITE
from node.primitives import frame
from node.sealing.hpke import (
    PRIVATE_SIZE_BYTES,
    EncryptPrivateKey,
    load_private,
    public_of,
)
from node.sealing.public_keys import BadKey, check_public, key_id
from node.system_random import random_bytes
from schemas.types import KeyUse

FORMAT: Final = "enlace keys 1"
SCRYPT_LOG2_N: Final = 17  # 128 MB and a third of a second for each guess
SCRYPT_LOG2_N_MAX: Final = 20
SEED_SIZE_BYTES: Final = 32
PASSPHRASE_SIZE_BYTES_MIN: Final = 12  # guards against an empty file, not against a poor choice
ALL_USES: Final = (KeyUse.SEAL, KeyUse.AGREE, KeyUse.CHECKPOINT, KeyUse.ENCRYPT)


@dataclass(frozen=True, kw_only=True)
class PrivateKey:
    """One private key with its public key and id; its repr shows no secret."""

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
        """As it stands in a document."""
        if self.use is KeyUse.ENCRYPT:
            return public_of(self.private)
        return self._signer.public_key().public_bytes_raw()

    @cached_property
    def key_id(self) -> bytes:
        """32 bytes."""
        return key_id(self.node, self.use, SUITE, self.public)

    @cached_property
    def _signer(self) -> Ed25519PrivateKey | MLDSA65PrivateKey:
        if self.use is KeyUse.CHECKPOINT:
            return MLDSA65PrivateKey.from_seed_bytes(self.private)
        return Ed25519PrivateKey.from_private_bytes(self.private)

    def sign(self, data: bytes) -> bytes:
        """Ed25519, or ML-DSA-65 with empty context of a CHECKPOINT key; ValueError of an ENCRYPT key."""
        if self.use is KeyUse.ENCRYPT:
            raise ValueError("an ENCRYPT key signs nothing")
        return self._signer.sign(data)

    @cached_property
    def decryption_key(self) -> EncryptPrivateKey:
        """For hpke.unwrap; ValueError of a signing key."""
        if self.use is not KeyUse.ENCRYPT:
            raise ValueError(f"a {self.use} key unwraps nothing")
        return load_private(self.private)


class PrivateKeys:
    """All private keys of one node or trustee."""

    def __init__(self, node: str, keys: tuple[PrivateKey, ...]) -> None:
        self.node = node
        self.keys = keys
        self._by_id = {key.key_id: key for key in keys}
        self._newest = {key.use: key for key in keys}

    @classmethod
    def generate(cls, node: str, uses: tuple[KeyUse, ...] = ALL_USES) -> Self:
        """New random keys, one for each use."""
        sizes = {use: PRIVATE_SIZE_BYTES if use is KeyUse.ENCRYPT else SEED_SIZE_BYTES for use in uses}
        return cls(node, tuple(PrivateKey(node=node, use=use, private=random_bytes(sizes[use])) for use in uses))

    def with_new(self, *uses: KeyUse) -> "PrivateKeys":
        """These keys and a new generation of `uses`."""
        return PrivateKeys(self.node, self.keys + PrivateKeys.generate(self.node, uses).keys)

    def newest(self, use: KeyUse) -> PrivateKey:
        """The last generation of a use; UsageError if there is none."""
        key = self._newest.get(use)
        if key is None:
            raise UsageError("key_missing", f"the keys of {self.node} hold no {use} key")
        return key

    def by_id(self, wanted: bytes) -> PrivateKey | None:
        """The key of this id, of any generation."""
        return self._by_id.get(wanted)

    def sign(self, use: KeyUse, data: bytes) -> bytes:
        """Sign with the newest key of a use; its id is `newest(use).key_id`."""
        return self.newest(use).sign(data)


class _StoredKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    use: KeyUse
    suite: int
    public: bytes
    private: bytes


class _Scrypt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    log2_n: int
    r: int
    p: int
    salt: bytes


class _Sealed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    scrypt: _Scrypt
    nonce: bytes
    ciphertext: bytes


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    format: str
    node: str
    keys: tuple[_StoredKey, ...] | None = None
    sealed: _Sealed | None = None


def _file_key(passphrase: bytes, scrypt: _Scrypt) -> bytes:
    if not 14 <= scrypt.log2_n <= SCRYPT_LOG2_N_MAX or scrypt.r != 8 or scrypt.p != 1 or len(scrypt.salt) != 16:
        raise UsageError("keys_unreadable", "the scrypt parameters are outside their limits", path="sealed.scrypt")
    return Scrypt(salt=scrypt.salt, length=32, n=1 << scrypt.log2_n, r=scrypt.r, p=scrypt.p).derive(passphrase)


def _bound(node: str, scrypt: _Scrypt) -> bytes:
    return frame(FORMAT, node, bytes([scrypt.log2_n, scrypt.r, scrypt.p]), scrypt.salt)


def dump(keys: PrivateKeys, passphrase: bytes | None, *, log2_n: int | None = None) -> bytes:
    """The file: encrypted under the passphrase, or plain without one."""
    stored = tuple(_StoredKey(use=key.use, suite=SUITE, public=key.public, private=key.private) for key in keys.keys)
    if passphrase is None:
        return msgspec.json.encode(_File(format=FORMAT, node=keys.node, keys=stored)) + b"\n"
    scrypt = _Scrypt(log2_n=log2_n or SCRYPT_LOG2_N, r=8, p=1, salt=random_bytes(16))
    nonce = random_bytes(12)
    secret = AESGCM(_file_key(passphrase, scrypt))
    ciphertext = secret.encrypt(nonce, msgspec.json.encode(stored), _bound(keys.node, scrypt))
    sealed = _Sealed(scrypt=scrypt, nonce=nonce, ciphertext=ciphertext)
    return msgspec.json.encode(_File(format=FORMAT, node=keys.node, sealed=sealed)) + b"\n"


def load(data: bytes, passphrase: bytes | None) -> PrivateKeys:
    """Read what `dump` wrote; UsageError if it is malformed, needs another passphrase or holds a bad key."""
    try:
        file = msgspec.json.decode(data, type=_File)
        if file.format != FORMAT or (file.keys is None) == (file.sealed is None):
            raise UsageError("keys_unreadable", f"this is no file of the format '{FORMAT}'")
        stored = file.keys if file.sealed is None else _unseal(file.node, file.sealed, passphrase)
    except msgspec.DecodeError as error:
        raise UsageError("keys_unreadable", f"the key file is malformed: {error}") from None
    return PrivateKeys(file.node, tuple(_checked(file.node, key) for key in stored or ()))


def _unseal(node: str, sealed: _Sealed, passphrase: bytes | None) -> tuple[_StoredKey, ...]:
    if passphrase is None:
        raise UsageError(
            "passphrase_missing",
            "the key file is encrypted",
            path="keys.passphrase_file",
            hint="name its passphrase file",
        )
    if len(sealed.nonce) != 12:
        raise UsageError("keys_unreadable", "the nonce must have 12 bytes", path="sealed.nonce")
    secret = AESGCM(_file_key(passphrase, sealed.scrypt))
    try:
        plain = secret.decrypt(sealed.nonce, sealed.ciphertext, _bound(node, sealed.scrypt))
    except InvalidTag:
        raise UsageError(
            "passphrase_wrong", "the key file does not open: wrong passphrase, or it was changed"
        ) from None
    return msgspec.json.decode(plain, type=tuple[_StoredKey, ...])


def _checked(node: str, stored: _StoredKey) -> PrivateKey:
    try:
        key = PrivateKey(node=node, use=stored.use, private=stored.private)
    except BadKey as error:
        raise UsageError("keys_unreadable", error.message) from None
    if stored.suite != SUITE or key.public != stored.public:
        raise UsageError("keys_unreadable", f"the {stored.use} key does not fit its public key")
    return key


def read(path: Path, passphrase_file: Path | None = None) -> PrivateKeys:
    """Load the keys of a file; UsageError if others can read it or it does not open."""
    return load(read_secret(path), read_passphrase(passphrase_file))


def write(path: Path, keys: PrivateKeys, passphrase_file: Path | None = None, *, replace: bool = False) -> None:
    """Write the keys to a file of mode 0600; UsageError if it is there and `replace` is not asked for."""
    data = dump(keys, read_passphrase(passphrase_file))
    write_file(path, data, mode=SECRET_MODE, replace=replace)


def read_passphrase(file: Path | None) -> bytes | None:
    """What stands in a passphrase file, without its line end; UsageError if all can read it or it is short."""
    if file is None:
        return None
    passphrase = read_secret(file, group_may_read=True).rstrip(b"\r\n")
    if len(passphrase) < PASSPHRASE_SIZE_BYTES_MIN:
        raise UsageError(
            "passphrase_short",
            f"the passphrase of {file} is shorter than {PASSPHRASE_SIZE_BYTES_MIN} bytes",
            path=str(file),
        )
    return passphrase
