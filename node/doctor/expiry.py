"""Examines what ends soon: documents, keys of this node, and certificates for TLS.

Warnings begin 30 days before an end, and their text changes 7 and 1 day before it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from node.doctor.examination import Examination, bad, fine
from node.errors import UsageError
from node.files import TEXT_SIZE_BYTES_MAX, read_file
from node.limits import DAY_MS
from node.runtime.home import Home
from node.sealing.certificates import ends_of
from node.trust.document_versions import document_time_text
from node.trust.governance import Governance
from schemas.types import KeyUse

CHECK: Final = "expiry"
WARN_DAYS: Final = (1, 7, 30)


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """Something that ends."""

    what: str
    at: int
    """In ms."""

    hint: str


def expiry(home: Home, now: int) -> list[Examination]:
    """One examination for each end that is near or past, or one that names the next end."""
    ends: list[End] = []
    wrong: list[Examination] = []
    try:
        ends += _document_ends(home.documents().governance, home.node, now)
        ends += _key_ends(home.documents().governance, home.node)
    except UsageError as error:
        wrong.append(bad(CHECK, f"the documents cannot be used: {error.message}", error.hint or "install documents"))
    for key, name in (
        ("bus.ca_file", home.config.bus.ca_file),
        ("bus.certificate_file", home.config.bus.certificate_file),
        ("gateway.certificate_file", home.config.gateway.certificate_file),
        ("gateway.client_ca_file", home.config.gateway.client_ca_file),
    ):
        if name is not None:
            try:
                ends += _certificate_ends(key, home.path / name)
            except (UsageError, ValueError) as error:
                wrong.append(bad(CHECK, f"{key}: {error}", "name a readable PEM file"))
    wrong += near(ends, now)
    if wrong:
        return wrong
    following = min(ends, key=lambda end: end.at, default=None)
    if following is None:
        return [bad(CHECK, "no document of this node is installed", "install the NODE document of this node")]
    return [fine(CHECK, f"next: {following.what} ends at {document_time_text(following.at)}")]


def near(ends: list[End], now: int) -> list[Examination]:
    """The ends that are past, or at most 30 days ahead, soonest first."""
    found = []
    for end in sorted(ends, key=lambda end: end.at):
        time = document_time_text(end.at)
        within = next((days for days in WARN_DAYS if end.at - now <= days * DAY_MS), None)
        if end.at <= now:
            found.append(bad(CHECK, f"{end.what} ended at {time}", end.hint))
        elif within is not None:
            unit = "day" if within == 1 else "days"
            found.append(bad(CHECK, f"{end.what} ends within {within} {unit}, at {time}", end.hint))
    return found


def _document_ends(governance: Governance, node: str, now: int) -> Iterator[End]:
    """The newest ROOT, the own NODE document, and each agreement of this node that is in force."""
    for root in governance.roots[-1:]:
        yield End(what="the ROOT document", at=root.document.until, hint="ask the trustees for a new version")
    renew = "renew it: raise `version` and `not_after`, and have it signed (Renew documents and keys)"
    for version in governance.nodes.get(node, ())[-1:]:
        yield End(what=f"the NODE document of {node}", at=version.until, hint=renew)
    for versions in governance.agreements.values():
        for agreement in versions:
            if node in agreement.body.parties and agreement.in_force(now):
                hint = "agree on a next version with the parties"
                yield End(what=f"the agreement {agreement.id}", at=agreement.in_force_until, hint=hint)


def _key_ends(governance: Governance, node: str) -> Iterator[End]:
    """The newest key of each use, if it has an end."""
    for use in KeyUse:
        keys = governance.keys_of(node, use)
        if keys and (last := max(keys, key=lambda key: key.from_)).until is not None:
            yield End(what=f"the {use.value} key of {node}", at=last.until, hint="list a new key in the NODE document")


def _certificate_ends(key: str, path: Path) -> Iterator[End]:
    for end in ends_of(read_file(path, TEXT_SIZE_BYTES_MAX)):
        yield End(what=f"a certificate of {key}", at=end, hint="get a new certificate")
