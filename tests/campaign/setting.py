"""The exchange of a campaign as files: documents, the homes of five honest nodes, and an empty log.

MX is a member too, and hostile: it has keys and no home. One region, so that a node reads few topics. The folder is
made once; each campaign works on a copy of it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from broker import topology as topologies
from broker.embedded.log import EmbeddedLog
from broker.topology import Region, Topology
from node.database.engine import Store
from node.runtime.config import NODE_FILE, TOPOLOGY_FILE
from node.runtime.home import open_home
from node.sealing import key_file
from node.trust.document_files import DOCUMENTS_FOLDER, file_name
from node.trust.signed_document import ParsedDocument, parse
from schemas.avro.codec import encode
from schemas.formats import bytes_text
from tests.campaign.oracle import Agreed
from tests.support.community import Community, clause, keys_of

HONEST: Final = ("BZ", "CO", "ES", "GT", "PA")
HOSTILE: Final = "MX"
MEMBERS: Final = tuple(sorted((*HONEST, HOSTILE)))
REGION: Final = "caribbean"
UNLISTED_REGION: Final = "pacific"
"""A region of the topology that no NODE document lists."""

TOPOLOGY: Final = Topology(
    replication=1,
    regions=tuple(Region(id=region, members=MEMBERS, retention_days=30) for region in (REGION, UNLISTED_REGION)),
)
STREAMS: Final = ("checkpoints", f"intel.{REGION}", "keys", "proposals", "receipts")
SHARED_WITH_HOSTILE: Final = "WITH-MX"
AGREED: Final = (
    Agreed(name="FIVE", parties=frozenset(HONEST), subject="DRUG_TRAFFICKING"),
    Agreed(name="COAST", parties=frozenset(("BZ", "ES", "GT")), subject="CONTRABAND"),
    Agreed(name=SHARED_WITH_HOSTILE, parties=frozenset(MEMBERS), subject="ENVIRONMENTAL_CRIME"),
)
HONEST_SUBJECTS: Final = tuple(agreed.subject for agreed in AGREED)
HOSTILE_SUBJECT: Final = "MONEY_LAUNDERING"
WRITTEN: Final = (*AGREED, Agreed(name="MX-ALL", parties=frozenset(MEMBERS), subject=HOSTILE_SUBJECT))
"""All agreements. The last one is for reports of the hostile member, and no attack stops it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """The folder that campaigns copy, and the documents in it."""

    folder: Path
    documents: tuple[bytes, ...]
    community: bytes


def signed_documents() -> Community:
    """The documents of all members and their agreements."""
    made = Community()
    for name in MEMBERS:
        made.node(name, STREAMS)
    for agreed in WRITTEN:
        parties = sorted(agreed.parties)
        made.agreement(agreed.name, parties, clause(parties, parties, subjects=(agreed.subject,)))
    return made


async def make(folder: Path) -> Setting:
    """Write log, homes and empty stores into `folder`, which does not exist yet."""
    made = signed_documents()
    for code in HONEST:
        _write_home(folder / code.lower(), code, made)
        store = await Store.open(open_home(folder / code.lower()).store_url)
        await store.close()
    log = EmbeddedLog(folder / "log.db")
    await log.provision(topologies.specs_of(TOPOLOGY))
    await log.close()
    return Setting(folder=folder, documents=tuple(made.documents), community=made.community)


def _write_home(home: Path, code: str, community: Community) -> None:
    (home / DOCUMENTS_FOLDER).mkdir(parents=True, mode=0o700)
    key_file.write(home / "unsafe-keys.json", keys_of(code))
    (home / NODE_FILE).write_text(
        f'[node]\nid = "{code}"\ncommunity = "{bytes_text(community.community)}"\n'
        '[bus]\nurl = "sqlite:///../log.db"\n[keys]\nfile = "unsafe-keys.json"\n'
    )
    members = ", ".join(f'"{name}"' for name in MEMBERS)
    (home / TOPOLOGY_FILE).write_text(
        "replication = 1\n"
        + "".join(
            f'[[region]]\nid = "{region}"\nmembers = [{members}]\nretention_days = 30\n'
            for region in (REGION, UNLISTED_REGION)
        )
    )
    for data in community.documents:
        write_document(home, parse(data))


def write_document(home: Path, parsed: ParsedDocument) -> None:
    """Copy a document into the folder of a home, as `cp` does: without asking whether it has effect."""
    path = home / DOCUMENTS_FOLDER / file_name(parsed)
    path.write_bytes(encode(parsed.signed))
    path.chmod(0o600)
