"""Throughput of Enlace, of a floor and of a naive implementation, in interleaved rounds.

In each round each side starts with new files and some messages that are not counted: during these, statements are
compiled, the audience key is granted and the first pages are written. The messages after them show the steady state.
"""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

from bench import enlace, floor, naive, stages
from bench.enlace import ITEMS_IN_TRANSACTION, ITEMS_WARM
from bench.figures import MICROSECONDS, Figures, Spent, per_message, ratios
from bench.material import World
from node.stages import Draft

ROUNDS: Final = 5
SIDES: Final = ("enlace", "naive", "floor")
TARGETS: Final = {"publish_over_naive": "at least 5", "receive_over_naive": "at least 1.6"}
TARGETS_FLOOR: Final = {"receive_over_floor": "at least 0.6"}


async def throughput(world: World, folder: Path, drafts: Sequence[Draft], figures: Figures) -> None:
    """The ratios of five rounds with many messages in a transaction, and the time of each stage of Enlace."""
    spent: dict[str, list[Spent]] = {f"{verb}_{side}": [] for verb in ("publish", "receive") for side in SIDES}
    for number in range(ROUNDS):
        measured = await _round(world, _folder(folder, f"round-{number}"), drafts, turn=number)
        for name, value in measured.items():
            spent[name].append(value)
    for verb in ("publish", "receive"):
        for under in ("naive", "floor"):
            name = f"{verb}_over_{under}"
            over, mine = spent[f"{verb}_{under}"], spent[f"{verb}_enlace"]
            target = (TARGETS | TARGETS_FLOOR).get(name, "")
            figures.add(name, "times", ratios(over, mine, lambda spent: spent.wall), target=target)
            figures.add(f"{name}_cpu", "times", ratios(over, mine, lambda spent: spent.cpu))
    for name, values in spent.items():
        figures.add(f"{name}_us", "µs/message", per_message(values, lambda spent: spent.wall))
        figures.add(f"{name}_cpu_us", "µs/message", per_message(values, lambda spent: spent.cpu))
    await _stages(world, _folder(folder, "stages"), drafts, figures)


async def _round(world: World, folder: Path, drafts: Sequence[Draft], *, turn: int) -> dict[str, Spent]:
    """One round. The side that starts changes from round to round."""
    spent: dict[str, Spent] = {}
    logs = {side: folder / f"{side}.db" for side in SIDES}
    async with world.log(logs["enlace"]) as ours, world.log(logs["naive"]) as theirs, world.log(logs["floor"]) as least:
        values, plain = await _sealed(world, _folder(folder, "before"), drafts), floor.plain_of(drafts)
        together = ITEMS_IN_TRANSACTION
        publishing: list[tuple[str, Callable[[], Awaitable[Spent]]]] = [
            ("publish_enlace", lambda: enlace.publish(world, folder, ours, drafts, together=together)),
            ("publish_naive", lambda: naive.publish(world, folder, theirs, drafts, together=together)),
            ("publish_floor", lambda: floor.publish(folder, least, drafts, values, together=together)),
        ]
        receiving: list[tuple[str, Callable[[], Awaitable[Spent]]]] = [
            ("receive_enlace", lambda: enlace.receive(world, folder, ours, len(drafts))),
            ("receive_naive", lambda: naive.receive(world, folder, theirs, len(drafts))),
            ("receive_floor", lambda: floor.receive(folder, least, plain)),
        ]
        for jobs in (publishing, receiving):
            first = turn % len(jobs)
            for name, job in jobs[first:] + jobs[:first]:
                spent[name] = await job()
    return spent


async def _sealed(world: World, folder: Path, drafts: Sequence[Draft]) -> list[bytes]:
    """The records that the floor appends. Enlace seals them, and this is not timed."""
    async with world.log(folder / "log.db") as bus:
        await enlace.publish(world, folder, bus, drafts, together=ITEMS_IN_TRANSACTION)
        return await floor.sealed_records(bus)


async def _stages(world: World, folder: Path, drafts: Sequence[Draft], figures: Figures) -> None:
    """One run that measures each stage. Measuring costs time, so the shares are more exact than the sums."""
    async with world.log(folder / "log.db") as bus:
        with stages.accounting() as publishing:
            await enlace.publish(world, folder, bus, drafts, together=ITEMS_IN_TRANSACTION)
        with stages.accounting() as receiving:
            await enlace.receive(world, folder, bus, len(drafts))
    for verb, accounts in (("publish", publishing), ("receive", receiving)):
        for stage, seconds in accounts.seconds.items():
            figures.add(f"{verb}_stage_{stage}_us", "µs/message", [seconds * MICROSECONDS / len(drafts)])


async def one_by_one(world: World, folder: Path, drafts: Sequence[Draft], figures: Figures) -> None:
    """Compare Enlace with (b) at one transaction for each message, as a first implementation would do it."""
    publishing: list[float] = []
    receiving: list[float] = []
    for number in range(ROUNDS if ITEMS_WARM else 1):
        here = _folder(folder, f"single-{number}")
        async with world.log(here / "enlace.db") as ours, world.log(here / "naive.db") as theirs:
            mine = await enlace.publish(world, here, ours, drafts, together=ITEMS_IN_TRANSACTION)
            other = await naive.publish(world, here, theirs, drafts, together=1)
            publishing += ratios([other], [mine], lambda spent: spent.wall)
            mine = await enlace.receive(world, here, ours, len(drafts))
            other = await naive.receive(world, here, theirs, len(drafts), together=1)
            receiving += ratios([other], [mine], lambda spent: spent.wall)
    figures.add("publish_over_naive_one_by_one", "times", publishing)
    figures.add("receive_over_naive_one_by_one", "times", receiving)


def _folder(parent: Path, name: str) -> Path:
    folder = parent / name
    folder.mkdir()
    return folder
