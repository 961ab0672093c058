"""Making a node's home: folder, configuration, keys, and the request to join.

    HOME/node.toml        mode 0644       HOME/keys.json       mode 0600
    HOME/documents/       mode 0700       HOME/CC.node.toml    what `governance new node` compiles

Not here: reading a home (config.py, keystore.py), the daemon's files in it. An existing home is never touched.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from broker.streams import REGISTRY
from node.clock import now_ms
from node.errors import UsageError
from node.files import make_folder, write_file
from node.runtime.config import NODE_FILE
from node.sealing import key_file
from node.sealing.private_keys import PrivateKeys
from node.trust.document_files import DOCUMENTS_FOLDER
from node.trust.signed_document import NODE_CODE
from schemas.formats import bytes_text

KEYS_FILE: Final = "keys.json"
VALID_DAYS: Final = 731  # two years; a NODE version with a later not_after prolongs it


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A new home."""

    home: Path
    keys: PrivateKeys
    join_request: Path
    """A NODE as it is written, for the trustees."""


def init(
    home: Path,
    node: str,
    bus: str,
    *,
    community: bytes | None = None,
    passphrase_file: Path | None = None,
    keys_file: str = KEYS_FILE,
) -> Made:
    """Make a home with new keys; UsageError if the folder is there or `node` is no node code."""
    if not NODE_CODE.fullmatch(node) or node == REGISTRY:
        message = f"{node} is no node code"
        raise UsageError("value_invalid", message, path="node", hint="ISO 3166-1 alpha-2, or a body's code")
    key_file.read_passphrase(passphrase_file)  # before anything is made
    make_folder(home)
    make_folder(home / DOCUMENTS_FOLDER)
    keys = PrivateKeys.generate(node)
    key_file.write(home / keys_file, keys, passphrase_file)
    tables: dict[str, dict[str, str]] = {"node": {"id": node}, "bus": {"url": bus}, "keys": {"file": keys_file}}
    if community is not None:
        tables["node"]["community"] = bytes_text(community)
    if passphrase_file is not None:
        tables["keys"]["passphrase_file"] = str(passphrase_file.resolve())
    write_file(home / NODE_FILE, _toml(tables).encode())
    join_request = home / f"{node}.node.toml"
    write_file(join_request, _join_request(keys, now_ms()).encode())
    return Made(home=home, keys=keys, join_request=join_request)


def init_result(made: Made) -> dict[str, object]:
    """As the contract has it."""
    return {
        "node": made.keys.node,
        "home": str(made.home),
        "keys": [{"key_id": bytes_text(key.key_id), "use": key.use.value} for key in made.keys.keys],
        "join_request": str(made.join_request),
    }


def _join_request(keys: PrivateKeys, now: int) -> str:
    """A NODE file with the new keys, valid from the midnight before now."""
    midnight = datetime.fromtimestamp(now / 1000, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    begin, end = midnight.isoformat(), (midnight + timedelta(days=VALID_DAYS)).isoformat()
    lines = [f'id = "{keys.node}"', "version = 1", f"not_before = {begin}", f"not_after = {end}"]
    for key in keys.keys:
        lines += ["", "[[key]]", f'use = "{key.use}"', f'public = "{bytes_text(key.public)}"', f"from = {begin}"]
    return "\n".join(lines) + "\n"


def _toml(tables: Mapping[str, Mapping[str, str]]) -> str:
    """Tables of texts; a JSON text is a TOML basic string."""
    return "\n".join(
        "\n".join([f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in table.items()), ""])
        for name, table in tables.items()
    )
