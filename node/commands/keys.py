"""`keys separate`: moves the AGREE keys of a node to another file, which its daemon does not read.

An AGREE key signs agreements and further keys in the name of the node. It is needed a few times a year, so it can be
kept away from a machine that is connected all the time. Rules:

- The new file is complete on the disk before the keys leave the old one: after an interruption they are in both.
- The key file keeps the ids of the keys that are elsewhere, so that the node knows them as its own.
"""

from dataclasses import dataclass
from pathlib import Path

from node.errors import UsageError
from node.runtime import config
from node.sealing import key_file
from node.sealing.private_keys import PrivateKeys
from schemas.types import KeyUse


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyName:
    """A key of the node, without its private part."""

    key_id: bytes
    use: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeparateAnswer:
    """Which keys are where now."""

    node: str
    file: Path
    moved: tuple[KeyName, ...]
    kept: tuple[KeyName, ...]


def separate(home: Path, file: Path, *, passphrase_file: Path | None = None) -> SeparateAnswer:
    """Move the AGREE keys of a home to the new file `file`, encrypted under its own passphrase if one is given.

    UsageError if the file exists, or if the key file of the home has no AGREE key.
    """
    settings = config.load(home).keys
    path, passphrase = home / settings.file, home / settings.passphrase_file if settings.passphrase_file else None
    keys = key_file.read(path, passphrase)
    agree = keys.of_use(KeyUse.AGREE)
    if not agree.keys:
        message = f"{path} has no AGREE key; {len(keys.elsewhere)} keys are in another file"
        raise UsageError("key_missing", message, path="keys.file")
    key_file.write(file, agree, passphrase_file or passphrase)
    kept = keys.without(KeyUse.AGREE)
    key_file.write(path, kept, passphrase, replace=True)
    return SeparateAnswer(node=keys.node, file=file, moved=_names(agree), kept=_names(kept))


def _names(keys: PrivateKeys) -> tuple[KeyName, ...]:
    return tuple(KeyName(key_id=key.key_id, use=key.use.value) for key in keys.keys)


def signing_keys(home: Path) -> PrivateKeys:
    """All keys of a home, with those of `keys.agree_file`. UsageError if a file cannot be read or is another node's."""
    settings = config.load(home).keys
    passphrase = home / settings.passphrase_file if settings.passphrase_file else None
    keys = key_file.read(home / settings.file, passphrase)
    if settings.agree_file is None:
        return keys
    agree = key_file.read(home / settings.agree_file, passphrase)
    if agree.node != keys.node:
        raise UsageError("keys_foreign", f"the keys are those of {agree.node}", path="keys.agree_file")
    return keys.with_those(agree)
