"""The data of all measurements: a community in a folder, and drafts of 1.3 KB with four entities. It measures nothing.

All data is synthetic. Only the keys are random.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from msgspec import structs

from broker import topology as topologies
from broker.bus import open_log
from broker.log import Log
from node import clock
from node.commands.lab import lab
from node.reports.validate import validate
from node.runtime.home import Home, open_home
from node.runtime.open_intake import publisher
from node.runtime.open_node import OpenNode, open_node
from node.sending.publish import Publisher
from node.stages import Draft
from schemas.formats import date_text
from schemas.types import StoreSection

ORIGINATOR: Final = "BZ"
READER: Final = "GT"
RECIPIENTS: Final = ("GT", "MX", "CO", "ES", "HN")
CODES: Final = (ORIGINATOR, *RECIPIENTS)
REGION: Final = "bench"
PAYLOAD_SIZE_BYTES: Final = 1_300
RETENTION_DAYS: Final = 300
ACTOR: Final = "bench"

_AGREEMENT: Final = """
id = "{name}"
version = 1
parties = [{parties}]
not_before = 2026-01-01T00:00:00Z
not_after = 2036-01-01T00:00:00Z
[[clause]]
id = "1"
from = [{parties}]
to = [{parties}]
retention_days_max = 3650
regions = ["*"]
subjects = [{subjects}]
types = ["*"]
categories = ["*"]
handling = ["*"]
purposes = ["*"]
"""
_SENTENCES: Final = (
    "A go-fast boat with three outboard engines left the bay at dusk without lights. ",
    "The driver of the white pickup met the crew at the northern pier and handed over two sealed crates. ",
    "Both telephones were switched off for eleven hours and came back within sight of the border. ",
    "The consignee is a company without staff whose director signs for four others at the same address. ",
)


def agreement(name: str, parties: Iterable[str], subjects: Sequence[str] = ("*",)) -> str:
    """An agreement as TOML: each party may send these subjects to each other party."""
    listed = [", ".join(f'"{name}"' for name in names) for names in (parties, subjects)]
    return _AGREEMENT.format(name=name, parties=listed[0], subjects=listed[1])


def report(number: int, now_ms: int) -> dict[str, Any]:
    """The report of this number, as an integrator publishes it. Each number gives another report."""
    day = now_ms // 86_400_000
    text = f"Observation {number:08d}. " + "".join(_SENTENCES[(number + i) % len(_SENTENCES)] for i in range(7))
    entities: list[dict[str, Any]] = [
        {
            "id": 1,
            "kind": "PERSON",
            "statement": "FACT",
            "label": "skipper",
            "identifiers": [
                {"scheme": "PASSPORT", "value": f"P{number:08d}", "country": "BZ"},
                {"scheme": "PHONE", "value": f"+501{2_000_000 + number % 7_999_999:07d}"},
            ],
            "person": {
                "family_name": f"Sample {number % 997}",
                "given_names": "Test",
                "birth_date": f"{1950 + number % 50}-0{1 + number % 9}-11",
                "category": "SUSPECT",
                "under_18": False,
                "special_category": False,
            },
        },
        {
            "id": 2,
            "kind": "VESSEL",
            "statement": "FACT",
            "identifiers": [{"scheme": "NAME", "value": f"SEA TEST {number % 4999}"}],
        },
        {
            "id": 3,
            "kind": "VEHICLE",
            "statement": "ASSESSMENT",
            "identifiers": [{"scheme": "PLATE", "value": f"C{number % 99_991:05d}"}],
        },
        {
            "id": 4,
            "kind": "GOODS",
            "statement": "FACT",
            "label": "crates",
            "identifiers": [],
            "goods": {"type": "COCAINE", "quantity": f"{number % 800}.5", "unit": "kg"},
        },
    ]
    return {
        "subjects": ["DRUG_TRAFFICKING"],
        "narrative": {"text": text, "language": "en"},
        "occurred": {"from": "2026-01-02T04:00:00Z"},
        "place": {"latitude_microdegrees": 17_250_000, "longitude_microdegrees": -88_766_667, "area": "Belize City"},
        "urgency": "NORMAL",
        "purpose": "INFORMATION_EXCHANGE",
        "legal_basis": "Test Act s. 1",
        "retain_until": date_text(day + RETENTION_DAYS),
        "evaluation": {"grid": "4x4", "source": "B", "information": "2"},
        "handling": ["H0"],
        "entities": entities,
        "connections": [
            {"from": 1, "to": 2, "role": "MASTER", "statement": "FACT"},
            {"from": 4, "to": 2, "role": "CARRIED_ON", "statement": "FACT"},
        ],
    }


def sized(number: int, now_ms: int) -> dict[str, Any]:
    """The same with its narrative cut or drawn out until the payload has PAYLOAD_SIZE_BYTES."""
    made = report(number, now_ms)
    text: str = made["narrative"]["text"]
    less = _draft(made, now_ms).payload.__len__() - PAYLOAD_SIZE_BYTES
    made["narrative"]["text"] = text[:-less] if less > 0 else text + "." * -less
    return made


def drafts(count: int, *, first: int = 0, originator: str = ORIGINATOR) -> list[Draft]:
    """`count` validated drafts of an originator."""
    now = clock.now_ms()
    return [_draft(sized(number, now), now, originator) for number in range(first, first + count)]


def _draft(made: dict[str, Any], now_ms: int, originator: str = ORIGINATOR) -> Draft:
    return validate(made, originator=originator, topology=topology(CODES), now_ms=now_ms, resolve_references={})


def topology(codes: Sequence[str], region: str = REGION) -> topologies.Topology:
    """A topology of one region, with these members."""
    only = topologies.Region(id=region, members=tuple(codes), retention_days=30)
    return topologies.Topology(replication=1, regions=(only,))


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The homes of one community, and the address of their bus."""

    folder: Path
    homes: dict[str, Path]
    topology: topologies.Topology
    bus: str

    def home(self, code: str, store: Path | None = None) -> Home:
        """The home of a node, with its own store or the given one."""
        home = open_home(self.homes[code])
        if store is None:
            return home
        config = structs.replace(home.config, store=StoreSection(url=f"sqlite:///{store.absolute()}"))
        return replace(home, config=config)

    @asynccontextmanager
    async def log(self, file: Path) -> AsyncIterator[Log]:
        """A new embedded log with all topics."""
        bus = open_log(f"sqlite:///{file}", file.parent)
        try:
            await bus.provision(topologies.specs_of(self.topology))
            yield bus
        finally:
            await bus.close()

    @asynccontextmanager
    async def reader(self, code: str, url: str, bus: Log) -> AsyncIterator[OpenNode]:
        """A node on `bus` with the store at `url`."""
        home = self.home(code)
        config = structs.replace(home.config, store=StoreSection(url=url))
        async with open_node(replace(home, config=config), bus=bus) as node:
            yield node

    @asynccontextmanager
    async def node(self, code: str, store: Path, bus: Log) -> AsyncIterator[tuple[OpenNode, Publisher]]:
        """A node on `bus` with the store in the file `store`, and its publisher."""
        home = self.home(code, store)
        async with open_node(home, bus=bus) as node:
            yield node, publisher(home, node.store, node.documents)


def world(
    folder: Path,
    codes: Sequence[str] = CODES,
    agreements: Sequence[str] | None = None,
    *,
    bus: str | None = None,
) -> World:
    """A community of `codes` in `folder`. By default each member may send everything to each other member."""
    texts = folder / "agreements"
    texts.mkdir(parents=True)
    for number, text in enumerate(agreements or [agreement("ALL", codes)]):
        (texts / f"{number}.toml").write_text(text)
    region = f'[[region]]\nid = "{REGION}"\nmembers = [{", ".join(map(repr, codes))}]\nretention_days = 30\n'
    (folder / "topology.toml").write_text("replication = 1\n" + region)
    made = lab(folder / "lab", codes, texts, topology_path=folder / "topology.toml", bus=bus)
    return World(folder=folder, homes=made.homes, topology=made.topology, bus=made.bus)
