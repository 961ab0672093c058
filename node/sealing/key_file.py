"""The file format of private keys: a JSON file, plain or encrypted under a passphrase.

Not here: the keys in memory (private_keys.py). Rules:

- the file is readable by its owner only (secret_files.py), whether it is encrypted or not;
- with a passphrase, scrypt derives a key and AES-256-GCM encrypts the private keys and authenticates the other fields
  of the file; without one, the private keys are in the file unencrypted;
- `decode` derives each public key from its private key and compares it with the public key in the file.
"""

from pathlib import Path
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from node.errors import UsageError
from node.files import write_file
from node.limits import SUITE
from node.primitives import frame
from node.sealing.private_keys import PrivateKey, PrivateKeys
from node.sealing.public_keys import BadKey
from node.secret_files import SECRET_MODE, read_secret
from node.system_random import random_bytes
from schemas.json_form import strict_json
from schemas.types import KeyUse

FORMAT: Final = "enlace keys 1"
SCRYPT_LOG2_N: Final = 17  # each guess costs 128 MB and a third of a second
SCRYPT_LOG2_N_MIN: Final = 14
SCRYPT_LOG2_N_MAX: Final = 20
SCRYPT_R: Final = 8
SCRYPT_P: Final = 1
SALT_SIZE_BYTES: Final = 16
NONCE_SIZE_BYTES: Final = 12
PASSPHRASE_SIZE_BYTES_MIN: Final = 12  # detects an empty file, not a weak passphrase


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
    """Exactly one of `keys` and `sealed` is present."""

    format: str
    node: str
    keys: tuple[_StoredKey, ...] | None = None
    sealed: _Sealed | None = None
    elsewhere: tuple[bytes, ...] = ()
    """Ids of keys that are kept in another file."""


def encode(keys: PrivateKeys, passphrase: bytes | None, *, log2_n: int | None = None) -> bytes:
    """The content of the file, encrypted if there is a passphrase. `log2_n` is the cost of scrypt."""
    stored = tuple(_StoredKey(use=key.use, suite=SUITE, public=key.public, private=key.private) for key in keys.keys)
    elsewhere = tuple(sorted(keys.elsewhere))
    if passphrase is None:
        return msgspec.json.encode(_File(format=FORMAT, node=keys.node, keys=stored, elsewhere=elsewhere)) + b"\n"
    salt = random_bytes(SALT_SIZE_BYTES)
    scrypt = _Scrypt(log2_n=log2_n or SCRYPT_LOG2_N, r=SCRYPT_R, p=SCRYPT_P, salt=salt)
    nonce = random_bytes(NONCE_SIZE_BYTES)
    cipher = AESGCM(_file_key(passphrase, scrypt))
    ciphertext = cipher.encrypt(nonce, msgspec.json.encode(stored), _associated_data(keys.node, scrypt, elsewhere))
    sealed = _Sealed(scrypt=scrypt, nonce=nonce, ciphertext=ciphertext)
    return msgspec.json.encode(_File(format=FORMAT, node=keys.node, sealed=sealed, elsewhere=elsewhere)) + b"\n"


def decode(data: bytes, passphrase: bytes | None) -> PrivateKeys:
    """The keys of a file. UsageError if it is malformed, needs another passphrase or contains a bad key."""
    try:
        file = msgspec.json.decode(data, type=_File)
        strict_json.decode(data)  # it refuses a key that occurs twice
        if file.format != FORMAT or (file.keys is None) == (file.sealed is None):
            raise UsageError("keys_unreadable", f"this is not a file of the format '{FORMAT}'")
        stored = file.keys if file.sealed is None else _decrypt(file, file.sealed, passphrase)
    except (msgspec.DecodeError, strict_json.JsonError) as error:
        raise UsageError("keys_unreadable", f"the key file is malformed: {error}") from None
    keys = tuple(_private_key(file.node, key) for key in stored or ())
    return PrivateKeys(file.node, keys, file.elsewhere)


def is_encrypted(path: Path) -> bool:
    """Whether the private keys of a file are encrypted under a passphrase. Raises UsageError."""
    try:
        return msgspec.json.decode(read_secret(path), type=_File).sealed is not None
    except msgspec.DecodeError as error:
        raise UsageError("keys_unreadable", f"the key file is malformed: {error}") from None


def _file_key(passphrase: bytes, scrypt: _Scrypt) -> bytes:
    if (
        not SCRYPT_LOG2_N_MIN <= scrypt.log2_n <= SCRYPT_LOG2_N_MAX
        or (scrypt.r, scrypt.p) != (SCRYPT_R, SCRYPT_P)
        or len(scrypt.salt) != SALT_SIZE_BYTES
    ):
        raise UsageError("keys_unreadable", "the scrypt parameters are outside their limits", path="sealed.scrypt")
    return Scrypt(salt=scrypt.salt, length=32, n=1 << scrypt.log2_n, r=scrypt.r, p=scrypt.p).derive(passphrase)


def _associated_data(node: str, scrypt: _Scrypt, elsewhere: tuple[bytes, ...]) -> bytes:
    """The other fields of the file. A file whose keys are all here has no further frame."""
    return frame(FORMAT, node, bytes([scrypt.log2_n, scrypt.r, scrypt.p]), scrypt.salt, *elsewhere)


def _decrypt(file: _File, sealed: _Sealed, passphrase: bytes | None) -> tuple[_StoredKey, ...]:
    if passphrase is None:
        raise UsageError(
            "passphrase_missing",
            "the key file is encrypted",
            path="keys.passphrase_file",
            hint="name its passphrase file",
        )
    if len(sealed.nonce) != NONCE_SIZE_BYTES:
        raise UsageError("keys_unreadable", f"the nonce must have {NONCE_SIZE_BYTES} bytes", path="sealed.nonce")
    cipher = AESGCM(_file_key(passphrase, sealed.scrypt))
    try:
        plain = cipher.decrypt(
            sealed.nonce, sealed.ciphertext, _associated_data(file.node, sealed.scrypt, file.elsewhere)
        )
    except InvalidTag:
        message = "the key file does not open: the passphrase is wrong, or the file was changed"
        raise UsageError("passphrase_wrong", message) from None
    return msgspec.json.decode(plain, type=tuple[_StoredKey, ...])


def _private_key(node: str, stored: _StoredKey) -> PrivateKey:
    try:
        key = PrivateKey(node=node, use=stored.use, private=stored.private)
    except BadKey as error:
        raise UsageError("keys_unreadable", error.message) from None
    if stored.suite != SUITE or key.public != stored.public:
        raise UsageError("keys_unreadable", f"the private {stored.use} key does not match its public key")
    return key


def read(path: Path, passphrase_file: Path | None = None) -> PrivateKeys:
    """Load the keys of a file. UsageError if others can read the file or it does not open."""
    data, passphrase = read_secret(path), read_passphrase(passphrase_file)
    try:
        return decode(data, passphrase)
    except UsageError as error:
        error.path = error.path or str(path)
        if error.code == "keys_unreadable":
            error.hint = error.hint or f"restore {path} from the backup"
        raise


def write(path: Path, keys: PrivateKeys, passphrase_file: Path | None = None, *, replace: bool = False) -> None:
    """Write the keys to a file of mode 0600. UsageError if the file exists and `replace` is false."""
    data = encode(keys, read_passphrase(passphrase_file))
    write_file(path, data, mode=SECRET_MODE, replace=replace)


def read_passphrase(file: Path | None) -> bytes | None:
    """The content of a passphrase file without its line end. UsageError if others can read it or it is too short."""
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
