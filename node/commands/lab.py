"""`lab`: makes a whole exchange for development on one machine: trustees, nodes and agreements, signed and installed.

    DIR/trustees/TR1.unsafe-keys.json …     the keys that admit nodes, in plain files
    DIR/<cc>/                               a home for each node, keys in `unsafe-keys.json`
    DIR/documents/                          every signed document; copied to each home
    DIR/log.db                              the bus, unless another one is named

DIR gets its name when it is complete, so an interrupted call leaves no folder that looks complete.

Not for production: anyone who can read DIR can act as every trustee and every node. The caller provisions the topics.
"""

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Final

from broker import topology as topologies
from broker.topology import Topology, streams_of
from node.clock import now_ms
from node.commands.init import NewHome, init
from node.commands.lab_documents import AgreementText, SignedDocuments
from node.errors import UsageError
from node.files import make_folder, new_folder, read_text, write_file
from node.limits import DAY_MS
from node.runtime import config
from node.runtime.config import TOPOLOGY_FILE
from node.runtime.home import STORE_FILE
from node.runtime.tls_files import tls_files
from node.sealing import key_file
from node.sealing.private_keys import PrivateKeys
from node.toml_reader import parse_toml
from node.trust import document_files
from node.trust.document_files import DOCUMENTS_FOLDER
from schemas.formats import time_ms
from schemas.types import KeyUse

KEYS_FILE: Final = "unsafe-keys.json"
TRUSTEES: Final = ("TR1", "TR2", "TR3")
BEGIN: Final = datetime(2020, 1, 1, tzinfo=UTC)  # early enough for agreements and reports of past years
VALID_DAYS: Final = 3650


@dataclass(frozen=True, slots=True, kw_only=True)
class LabAnswer:
    """The answer about an exchange that was made."""

    community: bytes
    nodes: dict[str, Path]
    """Code -> home."""

    documents: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """An exchange that was made."""

    community: bytes
    homes: dict[str, Path]
    documents: Path
    topology: Topology
    bus: str

    def answer(self) -> LabAnswer:
        """The answer of the command."""
        return LabAnswer(community=self.community, nodes=self.homes, documents=self.documents)


def lab(
    folder: Path,
    nodes: Iterable[str],
    agreements: Path,
    *,
    topology_path: Path | None = None,
    bus: str | None = None,
    certificates: Path | None = None,
) -> Lab:
    """Make the exchange in `folder`, which must not exist; UsageError that names the wrong argument.

    Every TOML file of `agreements` is compiled and signed by all its parties, which must be among `nodes`.
    `certificates` is a folder with the files for TLS of each node.
    """
    codes = tuple(dict.fromkeys(nodes))
    topology = config.read_topology(topology_path) if topology_path else topologies.default()
    strangers = [code for code in codes if not streams_of(topology, code)]
    if strangers or not codes:
        message = f"no region lists {', '.join(strangers)}" if strangers else "no node was named"
        raise UsageError("value_invalid", message, path="nodes")
    texts = _texts(agreements)
    files = {code: tls_files(certificates, code) if certificates else {} for code in codes}
    with new_folder(folder) as making:
        return _make(making, folder.resolve(), files, texts, topology, topology_path, bus)


def _make(
    folder: Path,
    final: Path,
    tls: Mapping[str, Mapping[str, str]],
    texts: list[AgreementText],
    topology: Topology,
    topology_path: Path | None,
    bus: str | None,
) -> Lab:
    """Make everything in `folder`, which will be renamed to `final`."""
    codes = tuple(tls)
    url = _bus(bus or "sqlite:///log.db", final)
    trustees = _trustees(folder / "trustees")
    signed = SignedDocuments(time_ms(BEGIN), now_ms() // DAY_MS * DAY_MS + VALID_DAYS * DAY_MS)
    signed.root(trustees)
    made = _homes(folder, url, signed.community, tls)
    for code in codes:
        signed.node(made[code].keys, streams_of(topology, code), trustees)
        made[code].join_request.unlink()  # the node has joined
    keys = {code: home.keys for code, home in made.items()}
    for _, same_version in groupby(texts, key=lambda text: text.version):
        signed.take_effect()
        for text in same_version:
            signed.agreement(text, keys, topology)
    shared = folder / DOCUMENTS_FOLDER
    make_folder(shared)
    for parsed in signed.documents:
        write_file(shared / document_files.file_name(parsed), document_files.to_bytes(parsed))
    for home in made.values():
        shutil.copytree(shared, home.path / DOCUMENTS_FOLDER, dirs_exist_ok=True)
        if topology_path:
            shutil.copyfile(topology_path, home.path / TOPOLOGY_FILE)
    homes = {code: final / home.path.name for code, home in made.items()}
    documents = final / DOCUMENTS_FOLDER
    return Lab(community=signed.community, homes=homes, documents=documents, topology=topology, bus=url)


def _homes(folder: Path, url: str, community: bytes, tls: Mapping[str, Mapping[str, str]]) -> dict[str, NewHome]:
    """The homes by code; the stores of the later ones are copies of the first, which is empty."""
    made: dict[str, NewHome] = {}
    store: Path | None = None
    for code, files in tls.items():
        home = folder / code.lower()
        made[code] = init(home, code, url, community=community, keys_file=KEYS_FILE, tls_files=files, store=store)
        store = home / STORE_FILE
    return made


def _bus(url: str, folder: Path) -> str:
    """All homes share one bus: a relative file is relative to `folder`, not to each home."""
    file = url.removeprefix("sqlite:///")
    return url if file == url else f"sqlite:///{folder / file}"


def _texts(folder: Path) -> list[AgreementText]:
    """Every TOML file of a folder, lower versions first, because each version follows the one before it."""
    if not folder.is_dir():
        raise UsageError("file_unreadable", f"{folder} is not a folder", path="agreements")
    texts = []
    for file in sorted(folder.glob("*.toml")):
        text = read_text(file)
        version = parse_toml(text, file=file.name).get("version")
        texts.append(AgreementText(name=file.name, text=text, version=version if isinstance(version, int) else 0))
    return sorted(texts, key=lambda text: text.version)


def _trustees(folder: Path) -> tuple[PrivateKeys, ...]:
    make_folder(folder)
    made = tuple(PrivateKeys.generate(name, (KeyUse.AGREE,)) for name in TRUSTEES)
    for keys in made:
        key_file.write(folder / f"{keys.node}.{KEYS_FILE}", keys)
    return made
