"""Shows the results of the demonstration. If a result is not the expected one, the demonstration ends with an error."""

import os
import sys
from pathlib import Path
from typing import Any

from demo.commands import ENLACE, WAIT_SECONDS_MAX, enlace, say

HERE = Path(__file__).parent
TEXT_CHARS_SHOWN = 80


def show_holdings(homes: dict[str, Path], published: dict[str, dict[str, Any]]) -> None:
    """Compare the reports that each node holds with the audiences in the answers to `publish`."""
    say("\n4. Which node holds which report (own, +received, . nothing)")
    say("            " + "".join(f"{code:>6}" for code in homes))
    held = {code: {row["report_id"] for row in enlace("search", "--all", home=home)} for code, home in homes.items()}
    for sender, answer in published.items():
        cells = []
        for code in homes:
            has = answer["report_id"] in held[code]
            cells.append("own" if has and code == sender else "+" if has else ".")
            if has != (code == sender or code in answer["audience"]):
                sys.exit(f"the report of {sender}: what {code} holds differs from what the agreements say")
        say(f"  from {sender}   " + "".join(f"{cell:>6}" for cell in cells))


def show_searches(homes: dict[str, Path]) -> None:
    """Search at two nodes, and ask why a third does not have a report."""
    say("\n5. A detective in Spain searches for the vessel, a detective in Mexico for the route")
    for code, filters in (("ES", ["--identifier", "IMO=9074729"]), ("MX", ["--text", "ficticio peten"])):
        for found in enlace("search", *filters, home=homes[code]):
            say(f"  {code}  {' '.join(filters)}: {found['report']['narrative']['text'][:TEXT_CHARS_SHOWN]}…")
    report = str(HERE / "reports" / "co-seizure.json")
    question = ("policy", "explain", "--from", "CO", "--to", "MX", "--report", report)
    [decision] = enlace(*question, home=homes["MX"], codes=(0, 1))
    say(f"  Why does Mexico not have Colombia's seizure? {decision['outcome']}: {decision['reason']}")


def show_check(home: Path) -> None:
    """A border post of Belize asks about three plates, two of which other countries have reported."""
    say("  A border post in Belize checks three plates")
    plates = ("GT:PLATE=P 000 TST", "MX:PLATE=TST-00-01", "BZ:PLATE=C-54321")
    why = ("--purpose", "CROSS_CHECKING", "--reason", "demonstration")
    answers = enlace("check", "-", *why, home=home, stdin="\n".join(plates))
    for plate, answer in zip(plates, answers, strict=True):
        hits = [f"{match['originator']}, {', '.join(match['handling'])}" for match in answer["matches"]]
        say(f"  BZ  {plate}: {'hit, reported by ' + '; '.join(hits) if answer['hit'] else 'no hit'}")
    if [answer["hit"] for answer in answers] != [True, True, False]:
        sys.exit("the plates that Guatemala and Mexico reported should be hits in Belize, and the third none")


def show_receipts(home: Path, answer: dict[str, Any]) -> None:
    """Show the outcome of a report at each recipient, from the receipts that its originator got."""
    say("\n6. Guatemala asks for the receipts of its report: each recipient has signed one")
    enlace("status", "--until", "caught-up", "--timeout", str(WAIT_SECONDS_MAX), home=home)
    receipts = enlace("receipts", answer["report_id"], home=home)
    for receipt in receipts:
        say(f"  {receipt['recipient']}  {receipt['outcome']}, since {receipt['since']}")
    outcomes = {receipt["recipient"]: receipt["outcome"] for receipt in receipts}
    if outcomes != dict.fromkeys(answer["audience"], "stored"):
        sys.exit(f"the receipts should be `stored` from {answer['audience']}, and are {outcomes}")


def show_quarantine(homes: dict[str, Path]) -> None:
    """Show that each node has put both bad records into quarantine."""
    for code, home in homes.items():
        rows = enlace("quarantine", "list", home=home)
        codes = ", ".join(f"{row['code']} (step {row['step']}, {row['stream']} of {row['originator']})" for row in rows)
        say(f"  {code}  quarantine: {codes}")
        if {row["code"] for row in rows} != {"key_unknown", "content_mismatch"}:
            sys.exit(f"the quarantine of {code} should hold one forged and one tampered record")


def show_files(folder: Path, homes: dict[str, Path], bus: str | None) -> None:
    """List the files of the exchange, and commands to try."""
    shown, home = os.path.relpath(folder), os.path.relpath(homes["BZ"])
    log = f"{shown}/log.db      the embedded log: sealed records, as the broker sees them"
    if bus is not None:
        log = f"{bus}   the log: sealed records, as the broker sees them"
    say("\n9. The files of the exchange")
    say(f"  {shown}/documents   the signed ROOT, NODE and AGREEMENT documents")
    say(f"  {log}")
    say(f"  {home}          Belize's home: node.toml, keys, documents, store.db")
    say(f"  {shown}/logs        the logs of the daemons")
    say("  Try:")
    for command in suggestions(folder, homes):
        say(f"    {command}")


def suggestions(folder: Path, homes: dict[str, Path]) -> list[str]:
    """Commands that work from the current folder after the demonstration has ended."""
    program, home = os.path.relpath(ENLACE), os.path.relpath(homes["BZ"])
    documents = folder / "documents"
    [agreement] = documents.glob("agreement-bz-gt-*")
    return [
        f"{program} search --all --home {home}",
        f"{program} status --home {home}",
        f"{program} governance show {os.path.relpath(agreement)} --documents {os.path.relpath(documents)}",
    ]
