"""`init`: makes the home of a node: folder, configuration, keys, and the request to join.

    HOME/node.toml        mode 0600       HOME/keys.json       mode 0600
    HOME/documents/       mode 0700       HOME/CC.node.toml    the request, which `governance new node` compiles
    HOME/store.db         mode 0600       an empty store

An existing home is never changed, and a call that fails leaves none. Does not read a home (node/runtime/home.py).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Final

from broker.bus import SQLITE
from broker.streams import REGISTRY
from node.clock import now_ms
from node.database.engine import make_store
from node.errors import UsageError
from node.files import make_folder, new_folder, write_file
from node.runtime.config import NODE_FILE
from node.runtime.home import STORE_FILE
from node.sealing import key_file
from node.sealing.private_keys import PrivateKeys
from node.trust.document_files import DOCUMENTS_FOLDER
from node.trust.signed_document import NODE_CODE
from schemas.excerpts import excerpt
from schemas.formats import bytes_text

KEYS_FILE: Final = "keys.json"
VALID_DAYS: Final = 731  # two years; a further NODE version with a later not_after extends it


@dataclass(frozen=True, slots=True, kw_only=True)
class NewHome:
    """A home that was made."""

    path: Path
    keys: PrivateKeys
    join_request: Path
    """A NODE document as TOML, for the trustees."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyAnswer:
    """A key of the node, without its private part."""

    key_id: bytes
    use: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InitAnswer:
    """The answer about a home that was made."""

    node: str
    home: Path
    keys: tuple[KeyAnswer, ...]
    join_request: Path


def init(
    home: Path,
    node: str,
    bus: str,
    *,
    community: bytes | None = None,
    passphrase_file: Path | None = None,
    keys_file: str = KEYS_FILE,
    tls_files: Mapping[str, str] = MappingProxyType({}),
    store: Path | None = None,
) -> NewHome:
    """Make a home with new keys; UsageError if the folder exists or `node` is not a node code.

    `tls_files` has the keys of [bus] that name the files for TLS. `store` is an empty store to copy: making many takes
    time.
    """
    if not NODE_CODE.fullmatch(node) or node == REGISTRY:
        message = f"{excerpt(node)} is not a node code"
        raise UsageError("value_invalid", message, path="node", hint="ISO 3166-1 alpha-2, or a body's code")
    key_file.read_passphrase(passphrase_file)  # before anything is made
    keys = PrivateKeys.generate(node)
    tables: dict[str, dict[str, str]] = {
        "node": {"id": node},
        "bus": {"url": bus, **tls_files},
        "keys": {"file": keys_file},
    }
    if community is not None:
        tables["node"]["community"] = bytes_text(community)
    if passphrase_file is not None:
        tables["keys"]["passphrase_file"] = str(passphrase_file.resolve())
    join_request = f"{node}.node.toml"
    with new_folder(home) as making:  # on a full disk it leaves no folder that a second call would refuse
        make_folder(making / DOCUMENTS_FOLDER)
        key_file.write(making / keys_file, keys, passphrase_file)
        write_file(making / NODE_FILE, _toml(tables).encode())
        _make_store(making / STORE_FILE, store)
        write_file(making / join_request, _join_request(keys, now_ms()).encode())
    return NewHome(path=home, keys=keys, join_request=home / join_request)


def _make_store(file: Path, store: Path | None) -> None:
    """Make an empty store, so that a store that is missing later is an error."""
    if store is None:
        make_store(f"{SQLITE}{file}")
    else:
        write_file(file, store.read_bytes())


def init_answer(made: NewHome) -> InitAnswer:
    """The answer about a new home; it contains no private key."""
    return InitAnswer(
        node=made.keys.node,
        home=made.path,
        keys=tuple(KeyAnswer(key_id=key.key_id, use=key.use.value) for key in made.keys.keys),
        join_request=made.join_request,
    )


def _join_request(keys: PrivateKeys, now: int) -> str:
    """A NODE document as TOML with the new keys, valid from the last midnight in UTC."""
    midnight = datetime.fromtimestamp(now / 1000, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    begin, end = midnight.isoformat(), (midnight + timedelta(days=VALID_DAYS)).isoformat()
    lines = [f'id = "{keys.node}"', "version = 1", f"not_before = {begin}", f"not_after = {end}"]
    for key in keys.keys:
        lines += ["", "[[key]]", f'use = "{key.use}"', f'public = "{bytes_text(key.public)}"', f"from = {begin}"]
    return "\n".join(lines) + "\n"


def _toml(tables: Mapping[str, Mapping[str, str]]) -> str:
    """Tables of strings as TOML; a JSON string is a TOML basic string."""
    return "\n".join(
        "\n".join([f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in table.items()), ""])
        for name, table in tables.items()
    )
