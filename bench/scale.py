"""The cost of a message in a large community: 6 or 60 nodes, 10 or 1,770 agreements, always five recipients.

The agreements with the five recipients permit the subject of the reports. All others permit another subject, so each of
them needs a decision. Only the two measured homes get the agreements. A small run, as tests use, has fewer of them.
"""

import asyncio
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Final

from bench import enlace, material
from bench.enlace import ITEMS_IN_TRANSACTION, ITEMS_WARM
from bench.figures import Figures, Spent, ratios
from bench.material import CODES, ORIGINATOR, READER, RECIPIENTS, World
from node.files import write_file
from node.stages import Draft
from node.trust import document_files
from node.trust.compile_toml import compile_text
from node.trust.document_files import DOCUMENTS_FOLDER
from schemas.types import DocumentKind

ROUNDS: Final = 5 if ITEMS_WARM else 1
MESSAGES_SHARE: Final = 4  # this fraction of the messages of a round of throughput
MANY: Final = (*CODES, *(f"N{number:02}" for number in range(60 - len(CODES))))
FEW_AGREEMENTS: Final = 10
ALL_AGREEMENTS: Final = len(MANY) * (len(MANY) - 1) // 2
OTHER_SUBJECT: Final = "ROBBERY"
TARGET: Final = "at most 1.10"


def measure(folder: Path, figures: Figures, messages: int) -> None:
    """The CPU time of the larger community divided by that of the smaller, in interleaved rounds."""
    drafts = material.drafts(ITEMS_WARM + max(1, messages // MESSAGES_SHARE))
    worlds = {
        "few": _world(folder / "few", CODES, FEW_AGREEMENTS),
        "nodes": _world(folder / "nodes", MANY, FEW_AGREEMENTS),
        "agreements": _world(folder / "agreements", MANY, ALL_AGREEMENTS if ITEMS_WARM else 2 * FEW_AGREEMENTS),
    }
    publishing: dict[str, list[Spent]] = {name: [] for name in worlds}
    receiving: dict[str, list[Spent]] = {name: [] for name in worlds}
    for number in range(ROUNDS):
        order = list(worlds.items())
        for name, world in order if number % 2 else reversed(order):
            here = folder / f"{name}-{number}"
            here.mkdir()
            published, received = asyncio.run(_run(world, here, drafts))
            publishing[name].append(published)
            receiving[name].append(received)
    for verb, spent in (("publish", publishing), ("receive", receiving)):
        over_nodes = ratios(spent["nodes"], spent["few"], lambda spent: spent.cpu)
        figures.add(f"{verb}_cost_60_over_6_nodes", "times", over_nodes, target=TARGET)
        over_agreements = ratios(spent["agreements"], spent["nodes"], lambda spent: spent.cpu)
        figures.add(f"{verb}_cost_1770_over_10_agreements", "times", over_agreements, target=TARGET)
    both = {name: _sums(publishing[name], receiving[name]) for name in ("nodes", "agreements")}
    figures.add(
        "cost_1770_agreements_over_10",
        "times",
        ratios(both["agreements"], both["nodes"], lambda spent: spent.cpu),
        target=TARGET,
    )


def _sums(publishing: Sequence[Spent], receiving: Sequence[Spent]) -> list[Spent]:
    """What a message costs at its originator and at a recipient, for each round."""
    return [
        Spent(wall=sent.wall + read.wall, cpu=sent.cpu + read.cpu, items=sent.items)
        for sent, read in zip(publishing, receiving, strict=True)
    ]


async def _run(world: World, folder: Path, drafts: Sequence[Draft]) -> tuple[Spent, Spent]:
    async with world.log(folder / "log.db") as bus:
        published = await enlace.publish(world, folder, bus, drafts, together=ITEMS_IN_TRANSACTION)
        return published, await enlace.receive(world, folder, bus, len(drafts))


def _world(folder: Path, codes: Sequence[str], agreements: int) -> World:
    folder.mkdir()
    world = material.world(folder, codes, [])
    governance = document_files.read_folder(world.homes[ORIGINATOR] / DOCUMENTS_FOLDER).governance
    keys = {code: world.home(code).keys() for code in codes}
    for first, second in _pairs(codes, agreements):
        subject = "DRUG_TRAFFICKING" if first == ORIGINATOR and second in RECIPIENTS else OTHER_SUBJECT
        text = material.agreement(f"{first}-{second}", (first, second), (subject,))
        parsed = compile_text(
            DocumentKind.AGREEMENT, text, governance=governance, topology=world.topology, file=f"{first}-{second}.toml"
        )
        for code in (first, second):
            parsed = document_files.sign(parsed, keys[code], governance)
        for code in (ORIGINATOR, READER):
            write_file(
                world.homes[code] / DOCUMENTS_FOLDER / document_files.file_name(parsed), document_files.to_bytes(parsed)
            )
    return world


def _pairs(codes: Sequence[str], count: int) -> Iterator[tuple[str, str]]:
    """First the originator with each of its five recipients, then other pairs."""
    first = [(ORIGINATOR, code) for code in RECIPIENTS]
    rest = (pair for pair in combinations(codes, 2) if pair not in first)
    yield from first
    for pair, _ in zip(rest, range(count - len(first)), strict=False):
        yield pair
