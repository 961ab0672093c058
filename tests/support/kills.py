"""Kills processes at random moments. Every entitled node must store each accepted report once, and no other node."""

import json
import os
import random
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.support.exchange import report
from tests.support.processes import (
    ENLACE,
    Daemon,
    agreement,
    lab,
    ok,
    search_all,
    settle,
)

ROUNDS = 5
ROUNDS_KAFKA = 3
ROUNDS_SLOW = 50
ROUNDS_SAMPLE = 1
REPORTS_IN_ROUND = 12
SEED = int(os.environ.get("ENLACE_SEED", "20261123"))


def reports_of(round_: int) -> list[bytes]:
    return [
        json.dumps(
            report(
                subjects=["CONTRABAND" if number % 2 else "DRUG_TRAFFICKING"],
                narrative={"text": f"Synthetic report {number} of round {round_}.", "language": "en"},
            )
        ).encode()
        for number in range(REPORTS_IN_ROUND)
    ]


def publish(home: Path, lines: list[bytes], kill_after: int | None) -> dict[str, str]:
    """Publish, and kill -9 after `kill_after` answers; returns the subject of each accepted report by report id."""
    process = subprocess.Popen(
        [str(ENLACE), "publish", "-", "--json", "--home", str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"\n".join(lines))
    process.stdin.close()
    accepted: dict[str, str] = {}
    for answers, line in enumerate(process.stdout, 1):
        answer = json.loads(line)
        assert answer["outcome"] in ("accepted", "duplicate")
        accepted[answer["report_id"]] = json.loads(lines[answer["line"] - 1])["subjects"][0]
        if answers == kill_after:
            process.kill()
            break
    process.stdout.close()
    process.wait()
    return accepted


def exchange(folder: Path, bus: str | None = None) -> dict[str, Path]:
    """BZ sends everything to GT, and only contraband to ES."""
    return lab(
        folder,
        ["BZ", "GT", "ES"],
        agreement("BZ-GT", ["BZ", "GT"]),
        agreement("BZ-ES", ["BZ", "ES"], ("CONTRABAND",)),
        bus=bus,
    )


def nodes_only(_: random.Random) -> None:
    """Kill the nodes only."""


def campaign(homes: Mapping[str, Path], rounds: int, also: Callable[[random.Random], None] = nodes_only) -> None:
    """Each round kills the publishing command, the daemons or both, chosen at random; `also` may kill more.

    Raises AssertionError with the seed.
    """
    dice = random.Random(SEED)
    daemons = {code: Daemon(home) for code, home in homes.items()}
    accepted: dict[str, str] = {}
    try:
        for daemon in daemons.values():
            daemon.ready()
        for round_ in range(rounds):
            lines = reports_of(round_)
            accepted |= publish(homes["BZ"], lines, dice.choice([None, dice.randrange(1, REPORTS_IN_ROUND)]))
            also(dice)
            victims = dice.sample(["BZ", "GT", "ES"], dice.randrange(1, 4))
            for code in victims:
                daemons[code].kill()
            for code in victims:
                daemons[code] = Daemon(homes[code])
            for code in dice.sample(victims, dice.randrange(len(victims) + 1)):
                daemons[code].ready()  # the other daemons may be killed while they start
        settle(*homes.values())
        held = {code: [row["report_id"] for row in search_all(home)] for code, home in homes.items()}
        statuses = {code: ok("status", home=home)[0] for code, home in homes.items()}
        codes = [daemon.stop()[0] for daemon in daemons.values()]
    except BaseException:
        for daemon in daemons.values():
            daemon.kill()
        raise

    assert codes == [0, 0, 0]
    assert len(accepted) >= rounds
    for code, ids in held.items():
        assert len(ids) == len(set(ids)), f"{code} holds a report twice (ENLACE_SEED={SEED})"
        assert statuses[code]["findings"] == [], f"{code} found something (ENLACE_SEED={SEED})"
        assert statuses[code]["counts"]["quarantined"] == 0, f"{code} refused something (ENLACE_SEED={SEED})"
    assert accepted.keys() <= set(held["GT"]), f"GT lacks a report that was accepted (ENLACE_SEED={SEED})"
    assert set(held["GT"]) == set(held["BZ"])
    entitled = {id_ for id_, subject in accepted.items() if subject == "CONTRABAND"}
    assert entitled <= set(held["ES"]), f"ES lacks a report that was accepted (ENLACE_SEED={SEED})"
    assert not set(held["ES"]) & (accepted.keys() - entitled)
