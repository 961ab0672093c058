"""The folder of one node, and what its files configure. Opening a home does not open the store or the bus.

A home holds node.toml, the keys, documents/, the store (unless `store.url` names another place) and perhaps
topology.toml.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from broker.bus import SQLITE
from broker.topology import Topology
from node.database.backend import StoreOptions
from node.errors import UsageError
from node.runtime import config
from node.runtime.installed_documents import InstalledDocuments
from node.runtime.reading_share import ReadingShare
from node.runtime.topics_read import topics_of_documents, topics_of_topology
from node.sealing import key_file
from node.sealing.private_keys import PrivateKeys
from node.stages import StreamId
from node.trust.document_files import DOCUMENTS_FOLDER
from node.trust.governance import Governance
from schemas.types import NodeConfig

STORE_FILE: Final = "store.db"  # in the home, unless `store.url` names another place


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """One node's folder, configuration and topology."""

    path: Path
    config: NodeConfig
    topology: Topology

    @property
    def node(self) -> str:
        """The node's code."""
        return self.config.node.id

    @property
    def documents_folder(self) -> Path:
        """The folder of installed documents."""
        return self.path / DOCUMENTS_FOLDER

    @property
    def store_url(self) -> str:
        """The store's URL; store.db in the home if none is configured. A relative file is relative to the home."""
        url = self.config.store.url or f"{SQLITE}{STORE_FILE}"
        return f"{SQLITE}{self.path / url.removeprefix(SQLITE)}" if url.startswith(SQLITE) else url

    @property
    def store_options(self) -> StoreOptions:
        """How to use a store that is a server."""
        section = self.config.store
        return StoreOptions(
            folder=self.path,
            connections_max=section.connections_max,
            connect_seconds_max=section.connect_seconds_max,
            lock_seconds_max=section.lock_seconds_max,
            statement_seconds_max=section.statement_seconds_max,
            unsafe_plaintext=section.unsafe_plaintext,
        )

    def keys(self) -> PrivateKeys:
        """The node's private keys; UsageError if they cannot be read or belong to another node."""
        passphrase = self.config.keys.passphrase_file
        keys = key_file.read(self.path / self.config.keys.file, self.path / passphrase if passphrase else None)
        if keys.node != self.node:
            raise UsageError("keys_foreign", f"the keys are those of {keys.node}", path="keys.file")
        return keys

    def documents(self) -> InstalledDocuments:
        """The installed documents, read now; needs no private key. Raises UsageError."""
        return InstalledDocuments(self.documents_folder, self.config.node.community)

    def share(self, number: int) -> ReadingShare:
        """What the daemon itself reads (0), or its reader process of this number."""
        return ReadingShare(number=number, of=self.config.node.processes)

    def places(self, share: ReadingShare | None = None, governance: Governance | None = None) -> dict[str, StreamId]:
        """Topic -> stream, for every topic that the process with this share reads; without a share, the node.

        Those of the topology, and with `governance` also those of the streams that NODE documents list.
        """
        places, reads = topics_of_topology(self.topology), self.reads(share)
        if governance is not None:
            places |= topics_of_documents(governance)
        return {topic: place for topic, place in sorted(places.items()) if reads(place.originator)}

    def reads(self, share: ReadingShare | None) -> Callable[[str], bool]:
        """Whether the process with this share reads an originator; without a share, the node reads every one.

        The daemon itself reads the node's own streams: it sealed their records, and knows them by their bytes.
        """
        others = [member for member in self.topology.members if member != self.node]
        return lambda originator: share is None or share.holds(originator, others)


def open_home(path: Path) -> Home:
    """Read configuration and topology of the home at `path`; raises UsageError."""
    return Home(path=path, config=config.load(path), topology=config.topology(path))
