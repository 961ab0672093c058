"""`make demo`: five countries share what they know, each with a daemon of its own, by the commands that they would use.

It shows who received what, who did not and under which clause, what recipients told originators, that a forged and a
tampered record end in quarantine, and where everything lies. Everything in it is synthetic.
"""

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from demo.forging import forge

HERE = Path(__file__).parent
ENLACE = Path(sys.executable).parent / "enlace"
NODES = ("BZ", "GT", "MX", "CO", "ES")
REPORTS = (
    ("BZ", "bz-chiquibul.json", "incursion with illegal logging in the Chiquibul"),
    ("GT", "gt-trafficking.json", "a trafficking route over the border"),
    ("MX", "mx-contraband.json", "a contraband run towards Corozal"),
    ("CO", "co-seizure.json", "412 kg of cocaine bound for Algeciras"),
)
SECONDS_MAX = 60


def enlace(*arguments: str, home: Path | None = None, codes: tuple[int, ...] = (0,)) -> list[dict[str, Any]]:
    """Run one command with --json; its objects. Exits with what it said if it fails."""
    command = [str(ENLACE), *arguments, "--json", *(["--home", str(home)] if home else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603, our own command
    if done.returncode not in codes:
        sys.exit(f"{' '.join(command)}\nended with {done.returncode}\n{done.stdout}{done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]


@contextmanager
def daemons(homes: dict[str, Path], logs: Path) -> Iterator[None]:
    """One `enlace run` for each home, ready; ended at the end."""
    running: dict[str, subprocess.Popen[str]] = {}
    try:
        for code, home in homes.items():
            with (logs / f"{code.lower()}.log").open("w") as log:
                running[code] = subprocess.Popen(  # noqa: S603, our own command
                    [str(ENLACE), "run", "--home", str(home)], stdout=subprocess.PIPE, stderr=log, text=True
                )
        for code, process in running.items():
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                sys.exit(f"the daemon of {code} did not start: see {logs / f'{code.lower()}.log'}")
            say(f"  {code}  ready, process {json.loads(line)['pid']}")
        yield
    finally:
        for process in running.values():
            process.terminate()
        ended = {code: process.wait(timeout=15) for code, process in running.items()}
        say(f"\nThe daemons ended with {sorted(set(ended.values()))}.")


def say(text: str = "") -> None:
    """One line for the reader."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> None:
    """Run the demonstration."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--dir", type=Path, default=Path("build/demo"), help="where to put everything")
    parser.add_argument("--bus", help="address of a log that is there; the embedded log without it")
    parser.add_argument("--kafka", action="store_true", help="start a real Kafka for it, of one broker")
    options = parser.parse_args()
    begun = time.monotonic()
    folder: Path = options.dir.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    if options.kafka:
        brokers = folder.with_name(f"{folder.name}-kafka")
        shutil.rmtree(brokers, ignore_errors=True)
        with kafka(brokers) as bus:
            demonstrate(folder, bus, begun)
    else:
        demonstrate(folder, options.bus, begun)


@contextmanager
def kafka(folder: Path) -> Iterator[str]:
    """A real Kafka on this machine that ends with the demonstration; its address."""
    from broker.local.attached_cluster import attached_cluster
    from broker.local.errors import LocalError

    say("0. A real Apache Kafka, one broker, without Docker; the first time its artifacts are fetched")
    try:
        with attached_cluster(folder) as cluster:
            say(f"  {cluster.url}, process {cluster.pids[1]}\n")
            yield cluster.url
    except LocalError as error:
        sys.exit(str(error))


def demonstrate(folder: Path, bus: str | None, begun: float) -> None:
    """The whole of it, on the embedded log or on the log at `bus`."""
    say(f"1. An exchange of {', '.join(NODES)}: keys, a ROOT signed by two of three trustees, four agreements")
    named = ["--bus", bus] if bus else []
    [made] = enlace("lab", str(folder), "--nodes", ",".join(NODES), "--agreements", str(HERE / "agreements"), *named)
    homes = {code: Path(home) for code, home in made["nodes"].items()}
    say(f"  community {made['community']}")

    say("\n2. Five daemons")
    logs = folder / "logs"
    logs.mkdir()
    with daemons(homes, logs):
        published = publish(homes)
        settle(homes)
        show_who_holds_what(homes, published)
        show_receipts(homes["GT"], published["GT"])
        say("\n7. Whoever runs the broker writes two records of his own")
        asyncio.run(forge(bus or f"sqlite:///{folder / 'log.db'}", folder))
        settle(homes)
        show_quarantine(homes)
    show_where(folder, homes, bus, begun)


def publish(homes: dict[str, Path]) -> dict[str, dict[str, Any]]:
    """Hand in the reports; the answers by originator."""
    say("\n3. Four reports are handed in; each is answered when it is safe in its node's outbox")
    answers = {}
    for code, file, title in REPORTS:
        [answer] = enlace("publish", str(HERE / "reports" / file), home=homes[code])
        answers[code] = answer
        say(f"  {code}  {title}")
        say(f"      for {', '.join(answer['audience']) or 'nobody'}")
        for refusal in answer["refusals"]:
            clause = f"{refusal['agreement']}/{refusal['clause']}: " if refusal["clause"] else ""
            say(f"      not for {refusal['recipient']}: {clause}{refusal['reason']}")
    return answers


def settle(homes: dict[str, Path]) -> None:
    """Wait until everything sent was read by everyone."""
    for state in ("drained", "caught-up"):
        for home in homes.values():
            enlace("status", "--until", state, "--timeout", str(SECONDS_MAX), home=home)


def show_who_holds_what(homes: dict[str, Path], published: dict[str, dict[str, Any]]) -> None:
    """Compare what each node holds with what the answers said."""
    say("\n4. Who holds what (own, +received, . nothing)")
    say("            " + "".join(f"{code:>6}" for code in homes))
    held = {code: {row["report_id"] for row in enlace("search", "--all", home=home)} for code, home in homes.items()}
    for sender, answer in published.items():
        cells = []
        for code in homes:
            has = answer["report_id"] in held[code]
            cells.append("own" if has and code == sender else "+" if has else ".")
            if has != (code == sender or code in answer["audience"]):
                sys.exit(f"{code} does not hold what the agreements say of the report of {sender}")
        say(f"  from {sender}   " + "".join(f"{cell:>6}" for cell in cells))

    say("\n5. A detective in Spain looks for the vessel, one in Mexico for the route")
    for code, filters in (("ES", ["--identifier", "IMO=9074729"]), ("MX", ["--text", "ficticio peten"])):
        for found in enlace("search", *filters, home=homes[code]):
            say(f"  {code}  {' '.join(filters)}: {found['report']['narrative']['text'][:80]}…")
    [why] = enlace(
        "policy",
        "explain",
        "--from",
        "CO",
        "--to",
        "MX",
        "--report",
        str(HERE / "reports" / "co-seizure.json"),
        home=homes["MX"],
        codes=(0, 1),
    )
    say(f"  Why does Mexico not have Colombia's seizure? {why['outcome']}: {why['reason']}")


def show_receipts(home: Path, answer: dict[str, Any]) -> None:
    """What became of a report at its recipients, as they tell its originator."""
    say("\n6. Guatemala asks what became of its report: each recipient has said so in a signed receipt")
    enlace("status", "--until", "caught-up", "--timeout", str(SECONDS_MAX), home=home)
    told = enlace("receipts", answer["report_id"], home=home)
    for line in told:
        say(f"  {line['recipient']}  {line['outcome']}, since {line['since']}")
    if {line["recipient"]: line["outcome"] for line in told} != dict.fromkeys(answer["audience"], "stored"):
        sys.exit("the receipts are not what they should be")


def show_quarantine(homes: dict[str, Path]) -> None:
    """Every node refused both, and nobody stored them."""
    for code, home in homes.items():
        rows = enlace("quarantine", "list", home=home)
        codes = ", ".join(f"{row['code']} (step {row['step']}, {row['stream']} of {row['originator']})" for row in rows)
        say(f"  {code}  quarantine: {codes}")
        if {row["code"] for row in rows} != {"key_unknown", "content_mismatch"}:
            sys.exit(f"the quarantine of {code} is not what it should be")


def show_where(folder: Path, homes: dict[str, Path], bus: str | None, begun: float) -> None:
    """Where everything lies, and what to try."""
    shown = os.path.relpath(folder)
    bz = os.path.relpath(homes["BZ"])
    say("\n8. Where everything lies")
    say(f"  {shown}/documents   the signed ROOT, NODE and AGREEMENT documents")
    if bus is None:
        say(f"  {shown}/log.db      the embedded log: what the broker sees, sealed")
    else:
        say(f"  {bus}   the log: what the broker sees, sealed")
    say(f"  {bz}          Belize's home: node.toml, keys, documents, store.db")
    say(f"  {shown}/logs        what the daemons said")
    say("  Try:")
    say(f"    .venv/bin/enlace search --all --home {bz}")
    say(f"    .venv/bin/enlace status --home {bz}")
    say(f"    .venv/bin/enlace governance show {shown}/documents/*BZ-GT*")
    say(f"\nDone in {time.monotonic() - begun:.0f} s.")


if __name__ == "__main__":
    main()
