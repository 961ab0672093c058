"""Writes docs/architecture.md from the imports and docstrings of the code: `python -m tools.architecture`.

The sentence for each package and the stages of a message are the tables of this module. Imports between packages,
lists of modules and their sentences come from the code.
"""

import sys
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools.source_modules import PROJECT, SourceModule, source_modules

PAGE: Final = PROJECT / "docs" / "architecture.md"
WIDTH: Final = 116

PACKAGES: Final = {
    "schemas": "The schemas as data, the generated types, the code lists.",
    "schemas.avro": "Strict, bounded Avro: bytes to values and back.",
    "schemas.json_form": "The JSON form of the same values, with errors that name the field.",
    "schemas.tools": "Tools for developers: generators, lint, the check of changed schemas.",
    "enlace": "The client of the gateway, for programs of integrators in Python.",
    "broker": "The log port, topics, regions, and the choice of an implementation.",
    "broker.embedded": "The log on one SQLite file, for one machine.",
    "broker.kafka": "The log on Apache Kafka.",
    "broker.local": "Starts a real Kafka on this machine, without Docker.",
    "node": "Types, limits, errors and tools that every package of node needs.",
    "node.reports": "Is this a report that may be sent?",
    "node.rows": "Which rows does a file have? CSV, JSON, NDJSON and XLSX, in their encodings.",
    "node.mapping": "Which report does a row become?",
    "node.sealing": "Which bytes leave? Keys, encryption, trees, signatures.",
    "node.trust": "Who belongs to the community, whose key is it, which documents are in force?",
    "node.sharing": "Who may have a report?",
    "node.verification": "What is a record worth? From bytes to a decision, without input or output.",
    "node.database": "SQLite: opening it, its tables, statements for many rows.",
    "node.access_chain": "Is the access log as it was written?",
    "node.undecided": "Records that wait, are held, refused or deferred.",
    "node.store": "What a node keeps: one module for each kind of row.",
    "node.outgoing": "Which own reports are not settled, and what can the node not do now?",
    "node.webhooks": "Which systems are called about which messages, and which calls are due?",
    "node.credentials": "Which tokens do integrators have?",
    "node.integrity": "Is a store whole, and is a copy equal?",
    "node.sending": "The services that publish, seal and send.",
    "node.exchange": "The services that read, decide and store.",
    "node.retention": "What leaves a store after a time, or because there is no room?",
    "node.audit": "What does the log prove?",
    "node.supervision": "What does the supervisor of the process hear?",
    "node.runtime": "One node as one process: configuration, daemon, logs.",
    "node.answers": "How arguments are read, and how answers and errors are written.",
    "node.access": "Who used the node, when, and why?",
    "node.health": "Will each party get the reports that it is entitled to?",
    "node.upkeep": "The data of a node as a whole: check, copy, backup, restore.",
    "node.commands": "One function for each command; knows no terminal.",
    "node.handing_in": "How do many callers hand reports in at once, and what became of each report?",
    "node.metrics": "Is the node well? Health requests and metrics.",
    "node.http": "How requests over HTTP are read, and answers written.",
    "node.overviews": "What do people look at as a whole? What was sent, documents, agreements, streams.",
    "node.integrators": "Who may use the gateway, for what, and how often?",
    "node.notifications": "Which systems learn of what arrived?",
    "node.drop_folder": "Which files were dropped to be handed in?",
    "node.serving": "Connections: sockets, TLS, limits in number, bytes and time.",
    "node.gateway": "The interface over HTTP: requests in, answers out.",
    "node.console": "Pages over HTTP for analysts, operators and officers.",
    "node.doctor": "Is the machine fit for this node?",
    "node.remote": "The commands that work through a gateway instead of a home.",
    "node.terminal": "How commands read options and standard input, and write answers and errors.",
    "node.top": "A live view of a node on a terminal.",
    "node.cli": "The commands: options, exit codes.",
}
"""What each package answers, lowest first. A package of `node` imports itself and those above it in this table."""

OTHER_FOLDERS: Final = {
    "tests": "The tests, in folders like those of the code; `tests/support` has what tests share.",
    "bench": "The measurements of `make bench`.",
    "demo": "The demonstration of `make demo`, and the agreements and reports that it uses.",
    "examples": "Reports, agreements and mappings to start from; tests use them too.",
    "observability": "Alert rules, a dashboard and a configuration for Prometheus and Grafana.",
    "deploy": "Units for systemd.",
    "tools": "The generator of this page.",
}
"""Folders that are not part of the program, each with one sentence."""

FREE_BELOW_NODE: Final = ("schemas", "broker", "enlace")


class UnknownPackageError(Exception):
    """A folder of the code has no sentence in PACKAGES."""

    def __init__(self, package: str, file: str) -> None:
        super().__init__(
            f"{file} is in the package {package}, which PACKAGES in tools/architecture.py does not list: "
            "add the package there with its sentence, at its place in the order"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A stage of a message on its way."""

    name: str
    type_: str
    """The type that the stage makes, and where it is defined; empty if it makes no type of its own."""

    what: str
    modules: tuple[str, ...]
    """The files to open, the one that leads through the stage first."""


STAGES: Final = (
    Stage(
        name="report",
        type_="node.stages.Draft",
        what="JSON, or a row through a mapping, is checked against schema and rules; errors name the field.",
        modules=("node/reports/validate.py", "node/reports/rules.py", "node/mapping/import_rows.py"),
    ),
    Stage(
        name="accepted",
        type_="",
        what="Agreements decide who may have it. Outbox row and access log entry are one transaction, then the answer.",
        modules=("node/sending/publish.py", "node/sharing/recipients.py", "node/sharing/policy.py"),
    ),
    Stage(
        name="sealed",
        type_="node.stages.SealedBatch",
        what="Content is encrypted for its audience, messages join a signed batch, the head of the stream moves on.",
        modules=(
            "node/sending/relay.py",
            "node/sending/seal_drafts.py",
            "node/sharing/audience.py",
            "node/sealing/seal.py",
        ),
    ),
    Stage(
        name="in the log",
        type_="broker.log.Entry",
        what="A record is bytes at a position of a topic.",
        modules=("broker/log.py", "broker/embedded/log.py", "broker/kafka/log.py"),
    ),
    Stage(
        name="read",
        type_="node.exchange.arrival.Arrival",
        what="Each node reads every topic from its own stored position.",
        modules=("node/exchange/subscribe.py", "node/exchange/ingest.py"),
    ),
    Stage(
        name="verified",
        type_="node.stages.Verified",
        what="Steps 1 to 11: size, framing, batch, key, signature, path, content, header; then the place in the chain.",
        modules=("node/verification/verify.py", "node/verification/chain.py"),
    ),
    Stage(
        name="opened",
        type_="node.stages.Opened",
        what="Steps 13 to 16: the grant, the commitment, decryption, labels and payload that agree with each other.",
        modules=("node/verification/opening.py", "node/sharing/grants.py"),
    ),
    Stage(
        name="decided",
        type_="node.stages.Decision",
        what="Step 17: the clauses of the grant cover the report, or it is withheld with the clause and the reason.",
        modules=("node/verification/judge.py", "node/sharing/policy.py"),
    ),
    Stage(
        name="stored",
        type_="",
        what="Message, notes, chain and position are one transaction.",
        modules=("node/exchange/write_decisions.py", "node/store/messages.py"),
    ),
    Stage(
        name="receipt",
        type_="",
        what="The outcome of each message is signed and sent back to the originator, which stores it.",
        modules=(
            "node/sending/seal_receipts.py",
            "node/verification/receipt_bytes.py",
            "node/store/receipts_received.py",
        ),
    ),
    Stage(
        name="audited",
        type_="",
        what="Anybody with the log and the documents computes steps 1 to 11 again, without a private key.",
        modules=("node/audit/replay.py", "node/audit/replay_stream.py"),
    ),
)

HEAD: Final = """# Architecture

To change something, start with [CONTRIBUTING.md](../CONTRIBUTING.md). This page is generated by `make generate` from
the imports and docstrings of the code; not edited by hand. A test compares the two.

Three folders answer three questions: `schemas` what may a message say, `broker` where does it travel, `node` who may
say it, to whom, and what is kept. `schemas` and `broker` do not import each other, nor `node`.
`enlace` is the client for integrators; it imports `schemas` only, and of `node` only `node/remote` imports it. In
`node`, imports go down only: a package imports itself and the packages below it in the diagram. The packages
`reports`, `sealing`, `trust`, `sharing` and `verification` hold the rules. They are pure, except for a few modules
that read files: no clock, no randomness, no `await`; time is an argument. So an auditor can apply the same rules
again years later.

Only `broker/bus.py` chooses an implementation of the log. `node` imports the port of the broker and never an
implementation, except the command line, which starts and stops a local Kafka.
"""


def page() -> str:
    """The text of docs/architecture.md."""
    modules = source_modules()
    parts = [HEAD, *_other_folders(), "## Packages\n", _packages_diagram(modules), "## The path of a message\n"]
    parts += [_path_diagram(), "## Modules\n", *_module_lists(modules)]
    return "\n".join(parts).rstrip() + "\n"


def imports_between(modules: Mapping[str, SourceModule]) -> dict[str, set[str]]:
    """Package -> the other packages that its modules import. Raises UnknownPackageError for one without a sentence."""
    imported: dict[str, set[str]] = {package: set() for package in PACKAGES}
    for module in modules.values():
        if module.package not in PACKAGES:
            raise UnknownPackageError(module.package, module.file)
        imported[module.package] |= {modules[name].package for name in module.imports} - {module.package}
    return imported


def _other_folders() -> Iterator[str]:
    yield "The other folders:\n"
    yield from (f"- `{folder}/`: {text}" for folder, text in OTHER_FOLDERS.items())
    yield ""


def _packages_diagram(modules: Mapping[str, SourceModule]) -> str:
    imported = imports_between(modules)
    sizes = Counter(module.package for module in modules.values())
    lines: list[str] = []
    for package in _downwards("node"):
        lines += [*_box(package, sizes[package], imported[package]), "        |", "        v"]
    lines = [*lines[:-2], "        |", "        +---------------------+", "        v                     v"]
    lines += ["      schemas               broker          (neither imports the other, nor node)", ""]
    for root in FREE_BELOW_NODE:
        for package in _downwards(root):
            lines += _box(package, sizes[package], imported[package])
        lines.append("")
    return "```text\n" + "\n".join(lines).rstrip() + "\n```\n"


def _downwards(root: str) -> list[str]:
    """The packages of one folder, the highest first."""
    return [name for name in reversed(PACKAGES) if name.split(".", maxsplit=1)[0] == root]


def _box(package: str, size: int, imported: Set[str]) -> list[str]:
    """A package, what it answers, and which other packages it imports, those of other folders last."""
    inside = WIDTH - 4
    files = f"{size} module{'s' if size != 1 else ''}"
    head = f"{package.replace('.', '/') + '/':20} {PACKAGES[package]}"
    order = [name for name in reversed(PACKAGES) if name in imported]
    imports = ", ".join(name.removeprefix("node.") for name in order) or "no other package"
    text = [f"{head:{inside - 11}}{files:>11}", *textwrap.wrap(f"imports {imports}", inside - 4)]
    body = [text[0], *(f"    {line}" for line in text[1:])]
    edge = "+" + "-" * (inside + 2) + "+"
    return [edge, *(f"| {line:{inside}} |" for line in body), edge]


def _path_diagram() -> str:
    lines: list[str] = []
    for stage in STAGES:
        made = f" -> {stage.type_.rpartition('.')[2]}" if stage.type_ else ""
        head = f"[{stage.name}{made}]"
        wrapped = textwrap.wrap(stage.what, WIDTH - 32)
        lines.append(f"{head:28}{wrapped[0]}")
        lines += [f"{'    |':28}{line}" for line in [*wrapped[1:], *stage.modules]]
        lines.append("    v")
    return "```text\n" + "\n".join(lines[:-1]) + "\n```\n"


def _module_lists(modules: Mapping[str, SourceModule]) -> Iterator[str]:
    for package in (name for root in ("node", *FREE_BELOW_NODE) for name in _downwards(root)):
        yield f"### `{package.replace('.', '/')}/`\n\n{PACKAGES[package]}\n"
        for module in modules.values():
            if module.package == package:
                text = f"`{module.file}`: {module.sentence}"
                yield textwrap.fill(text, WIDTH, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False)
        yield ""


def outputs() -> dict[Path, str]:
    """The file and what has to stand in it."""
    return {PAGE: page()}


def main() -> int:
    """Write the file."""
    for path, text in outputs().items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
