"""The answer of `access verify`."""

from collections.abc import Mapping
from dataclasses import dataclass

from node.access_chain.chain_check import ChainCheck
from node.access_chain.findings import shown_time
from node.access_chain.signed_head import SignedHead
from node.answers.plain_json import TimeMs


@dataclass(frozen=True, slots=True, kw_only=True)
class LogHead:
    """The last entry of the log. An auditor keeps it, and compares a later log with it."""

    entry: int
    hash: bytes
    at: TimeMs | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedUpTo:
    """The last signed head that fits the log."""

    entry: int
    at: TimeMs | None
    """When it was signed."""

    key_id: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFinding:
    """One thing that is wrong with the log; entries from `entry` to `last_entry` are concerned."""

    code: str
    entry: int
    last_entry: int
    at: TimeMs | None
    expected: str
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogVerification:
    """The result."""

    entries: int
    """How many rows the log has."""

    head: LogHead | None
    """None for a log without an entry."""

    signed: SignedUpTo | None
    """None if no signed head fits the log."""

    unsigned: int
    """How many entries came after the last signed head that fits: nothing but the store says what they are."""

    erased_to: int
    """Entries up to this id were erased by a user, as a signed head states; 0 if none."""

    findings: tuple[LogFinding, ...]
    counts: Mapping[str, int]
    """Code -> number of findings, those that are not listed included."""


def answer_of(chain: ChainCheck, signed: SignedHead | None) -> LogVerification:
    """The answer about a log that was followed to its end; `signed` is the last head that fits it."""
    head = LogHead(entry=chain.last.entry, hash=chain.last.hash, at=chain.last_at) if chain.last.entry else None
    up_to = None if signed is None else SignedUpTo(entry=signed.entry, at=shown_time(signed.at), key_id=signed.key_id)
    found = [
        LogFinding(
            code=finding.code.value,
            entry=finding.entry,
            last_entry=finding.last_entry,
            at=finding.at,
            expected=finding.expected,
            found=finding.found,
        )
        for finding in chain.findings.listed
    ]
    return LogVerification(
        entries=chain.entries,
        head=head,
        signed=up_to,
        unsigned=chain.last.entry - (0 if signed is None else signed.entry),
        erased_to=chain.start.entry,
        findings=tuple(found),
        counts=chain.findings.counts,
    )
