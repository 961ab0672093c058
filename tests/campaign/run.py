"""One campaign: traffic and attacks in turns, then the end of all attacks, then the judgement of the oracle.

`python -m tests.campaign.run SEED [ATTACK …]` repeats one and prints its story.
"""

import asyncio
import random
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.campaign import judgement
from tests.campaign.attack import ATTACKS, Attack, Phases
from tests.campaign.catalogue import BY
from tests.campaign.setting import Setting, make
from tests.campaign.sightings import Trace, Where
from tests.campaign.world import MINUTE_MS, World, world

FURTHER_ATTACKS_MAX = 1
PHASES_MAX = 40
"""Of one attack: it may have to wait for another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a campaign found wrong, and what happened in it."""

    wrong: tuple[str, ...]
    story: tuple[str, ...]


def chosen(dice: random.Random) -> list[Attack]:
    """One attack of each attacker, and perhaps one more, in an order of their own."""
    first = [dice.choice(attacks) for attacks in BY.values()]
    others = [attack for attack in ATTACKS.values() if attack not in first]
    attacks = [*first, *dice.sample(others, dice.randint(0, FURTHER_ATTACKS_MAX))]
    dice.shuffle(attacks)
    return attacks


async def campaign(setting: Setting, folder: Path, seed: int, names: Sequence[str] = ()) -> Result:
    """Run the campaign of a seed, with the attacks `names` or those that the seed chooses."""
    dice = random.Random(seed)
    attacks = [ATTACKS[name] for name in names] or chosen(dice)
    async with world(setting, folder, dice) as made:
        await made.turn()
        await _round(made)
        traces = await _attacks(made, attacks)
        made.story.append("all attacks have ended")
        made.watched.clear()
        await _round(made)
        await made.settle()
        wrong = await judgement.wrong(made, traces)
        return Result(wrong=tuple(wrong), story=tuple(made.story))


async def _round(made: World) -> None:
    """Honest traffic, one or two turns of each node, and some minutes."""
    await made.traffic()
    for _ in range(made.dice.randint(1, 2)):
        await made.turn()
    await made.observe()
    made.now += made.dice.randint(1, 5) * MINUTE_MS


async def _attacks(made: World, attacks: Sequence[Attack]) -> list[tuple[Attack, Trace]]:
    """Begin one or two attacks in each round, and go on with those that have begun; returns what they must leave."""
    traces: list[tuple[Attack, Trace]] = []
    waiting = list(attacks)
    running: list[tuple[Attack, Phases]] = []
    for _ in range(PHASES_MAX + len(attacks)):
        for _ in range(min(len(waiting), made.dice.randint(1, 2))):
            attack = waiting.pop()
            running.append((attack, attack.run(made)))
            made.story.append(f"begins: {attack.name} ({attack.by}, item {attack.item})")
        for attack, phases in list(running):
            left = await anext(phases, None)
            if left is None:
                made.story.append(f"has ended: {attack.name}")
                running.remove((attack, phases))
            traces += [(attack, trace) for trace in left or ()]
            made.watched |= {trace.node for trace in left or () if trace.where is Where.STATUS and trace.node}
        await _round(made)
        if not running and not waiting:
            return traces
    names = ", ".join(attack.name for attack, _ in running)
    raise AssertionError(f"these attacks do not end: {names}")


def main() -> None:
    """Run the campaign that the arguments name."""
    with tempfile.TemporaryDirectory() as folder:
        result = asyncio.run(_main(Path(folder), int(sys.argv[1]), sys.argv[2:]))
    sys.stdout.write("\n".join([*result.story, "", *(result.wrong or ("nothing is wrong",))]) + "\n")
    sys.exit(bool(result.wrong))


async def _main(folder: Path, seed: int, names: Sequence[str]) -> Result:
    return await campaign(await make(folder / "setting"), folder / "campaign", seed, names)


if __name__ == "__main__":
    main()
