"""`make demo`: five countries share reports. Each runs a daemon and uses the commands that its users would use.

It shows which node received which report, which node did not and under which clause, the receipts that originators get,
a forged and a tampered record in quarantine, the console of one node, and the files of the exchange. All data in it is
synthetic.
"""

import argparse
import asyncio
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from demo.commands import daemons, enlace, say, settle
from demo.console import show_console
from demo.forge import forge
from demo.show import HERE, show_check, show_files, show_holdings, show_quarantine, show_receipts, show_searches

NODES = ("BZ", "GT", "MX", "CO", "ES")
REPORTS = (
    ("BZ", "bz-chiquibul.json", "incursion with illegal logging in the Chiquibul"),
    ("GT", "gt-trafficking.json", "a trafficking route over the border"),
    ("MX", "mx-contraband.json", "a contraband run towards Corozal"),
    ("CO", "co-seizure.json", "412 kg of cocaine bound for Algeciras"),
)


def main() -> None:
    """Run the demonstration."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--dir", type=Path, default=Path("build/demo"), help="folder of the exchange; it is replaced")
    parser.add_argument("--bus", help="address of an existing log; default: an embedded log in the folder")
    parser.add_argument("--kafka", action="store_true", help="start an Apache Kafka of one broker and use it")
    options = parser.parse_args()
    begun = time.monotonic()
    folder: Path = options.dir.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    if options.kafka:
        brokers = folder.with_name(f"{folder.name}-kafka")
        shutil.rmtree(brokers, ignore_errors=True)
        with kafka(brokers) as bus:
            demonstrate(folder, bus)
    else:
        demonstrate(folder, options.bus)
    say(f"\nDone in {time.monotonic() - begun:.0f} s.")


@contextmanager
def kafka(folder: Path) -> Iterator[str]:
    """A real Kafka on this machine that ends with the block; its address."""
    from broker.local.attached_cluster import attached_cluster
    from broker.local.errors import LocalError

    say("0. A real Apache Kafka of one broker, without Docker; the first start downloads its files")
    try:
        with attached_cluster(folder) as cluster:
            say(f"  {cluster.url}, process {cluster.pids[1]}\n")
            yield cluster.url
    except LocalError as error:
        sys.exit(str(error))


def demonstrate(folder: Path, bus: str | None) -> None:
    """All steps, on the embedded log or on the log at `bus`."""
    say(f"1. An exchange of {', '.join(NODES)}: keys, a ROOT signed by two of three trustees, four agreements")
    bus_option = ["--bus", bus] if bus else []
    agreements = str(HERE / "agreements")
    [lab] = enlace("lab", str(folder), "--nodes", ",".join(NODES), "--agreements", agreements, *bus_option)
    homes = {code: Path(home) for code, home in lab["nodes"].items()}
    say(f"  community {lab['community']}")

    say("\n2. Five daemons")
    logs = folder / "logs"
    logs.mkdir()
    with daemons(homes, logs):
        published = publish(homes)
        settle(homes)
        show_holdings(homes, published)
        show_searches(homes)
        show_check(homes["BZ"])
        show_receipts(homes["GT"], published["GT"])
        say("\n7. The operator of the broker writes a forged and a tampered record")
        asyncio.run(forge(bus or f"sqlite:///{folder / 'log.db'}", folder))
        settle(homes)
        show_quarantine(homes)
        show_console(homes["BZ"], logs / "console.log", "BZ")
    show_files(folder, homes, bus)


def publish(homes: dict[str, Path]) -> dict[str, dict[str, Any]]:
    """Publish the reports; return the answers by originator."""
    say("\n3. Four reports are published; a node answers when the report is safe in its outbox")
    answers = {}
    for code, file, title in REPORTS:
        [answer] = enlace("publish", str(HERE / "reports" / file), home=homes[code])
        answers[code] = answer
        say(f"  {code}  {title}")
        say(f"      for {', '.join(answer['audience']) or 'no other node'}")
        for refusal in answer["refusals"]:
            clause = f"{refusal['agreement']}/{refusal['clause']}: " if refusal["clause"] else ""
            say(f"      not for {refusal['recipient']}: {clause}{refusal['reason']}")
    return answers


if __name__ == "__main__":
    main()
