"""Which files of a home belong to a backup, besides the store and the heads of the access log.

Rules:
- The configuration, the documents, and the mapping of the drop folder are copied.
- Files of keys are copied if they are encrypted under a passphrase, or if the caller asks for the keys.
- A file outside the home, or one for TLS, is not copied: another system keeps it. `missing` names what a restored
  home still needs.
"""

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from node.errors import UsageError
from node.runtime.config import NODE_FILE, TOPOLOGY_FILE
from node.runtime.home import Home
from node.sealing import key_file
from node.trust.document_files import DOCUMENT_SUFFIX, DOCUMENTS_FOLDER
from node.trust.stops_known import KNOWN_SUFFIX
from node.upkeep import archive
from node.webhooks.webhook_tables import webhook
from node.webhooks.webhooks import KEY_FILE


def files_of(home: Home, *, with_keys: bool) -> dict[str, Path]:
    """Name in the backup -> file. Raises UsageError if the keys are asked for and outside the home, or for a name."""
    keys = home.path / home.config.keys.file
    if with_keys and keys.is_file() and _name_inside(home.path, home.config.keys.file) is None:
        hint = "back up without the keys, and keep them with their own backup"
        raise UsageError("backup_name", f"{keys} is outside the home", path=str(keys), hint=hint)
    files = {name: home.path / name for name in (NODE_FILE, TOPOLOGY_FILE)}
    files |= {f"{DOCUMENTS_FOLDER}/{file.name}": file for file in _documents(home.documents_folder)}
    files |= dict(_named(home, with_keys=with_keys))
    found = {name: file for name, file in files.items() if file.is_file()}
    for name, file in found.items():
        if not archive.may_be_member(name):
            raise UsageError("backup_name", f"{name} has a name that a backup cannot hold", path=str(file))
    return found


def has_keys(home: Home, names: Collection[str]) -> bool:
    """Whether the key file of the node is among these names in a backup."""
    return _name_inside(home.path, home.config.keys.file) in names


def missing(home: Home, tables: Mapping[str, int]) -> tuple[str, ...]:
    """What the configuration and a store with these numbers of rows need and the home does not have."""
    config = home.config
    needed = [
        config.keys.file,
        config.keys.passphrase_file,
        config.bus.ca_file,
        config.bus.certificate_file,
        config.bus.key_file,
        config.gateway.certificate_file,
        config.gateway.key_file,
        config.gateway.client_ca_file,
        config.gateway.webhooks_ca_file,
        config.drop.mapping,
        KEY_FILE if tables.get(webhook.name) else None,
    ]
    return tuple(name for name in needed if name is not None and not (home.path / name).exists())


def _documents(folder: Path) -> Iterator[Path]:
    """The files of the folder, without those that a process is writing."""
    for file in sorted(folder.iterdir()) if folder.is_dir() else ():
        if not file.name.startswith(".") or file.suffix in (DOCUMENT_SUFFIX, KNOWN_SUFFIX):
            yield file


def _named(home: Home, *, with_keys: bool) -> Iterator[tuple[str, Path]]:
    """The files that the configuration names, and the key of the webhooks."""
    for name in (home.config.keys.file, home.config.keys.agree_file):
        inside = _name_inside(home.path, name) if name is not None and (home.path / name).is_file() else None
        if inside is not None and (with_keys or key_file.is_encrypted(home.path / inside)):
            yield inside, home.path / inside
    if with_keys:
        yield KEY_FILE, home.path / KEY_FILE
    mapping = home.config.drop.mapping
    if mapping is not None and (inside := _name_inside(home.path, mapping)) is not None:
        yield inside, home.path / inside


def _name_inside(home: Path, name: str) -> str | None:
    """The name of a file relative to the home; None if it is outside."""
    path = os.path.normpath(home / name)
    relative = os.path.relpath(path, os.path.normpath(home))
    return None if relative.startswith("..") else relative
