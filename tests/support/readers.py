"""A reader of forged records without store or log: its judge, and its community.

BZ writes; GT and MX read. BZ and GT have the agreement "BZ-GT" with the clauses "1" (both ways), "drugs" (BZ to GT,
one subject) and "back" (GT to BZ only). BZ and MX have "BZ-MX". All three have "THREE" with the clauses "from-mx"
(to GT) and "to-mx" (from BZ).
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from node.runtime.current_judge import unwrapper
from node.sealing.private_keys import PrivateKeys
from node.sharing.grants import AudienceKeys
from node.stages import Decision, StreamId, Verified
from node.trust.governance import Governance
from node.verification.judge import Judge, grant_of
from node.verification.signature_memory import SignatureMemory
from schemas.types import ClauseReference, KeyGrant
from tests.support.community import Community, clause, keys_of
from tests.support.records import (
    INTEL,
    NOW,
    AudienceKey,
    Author,
    grant_body,
)


@dataclass(frozen=True)
class World:
    """The community. `new` makes a community to which a test may add documents."""

    community: Community
    bz_gt: bytes
    bz_mx: bytes
    three: bytes

    @classmethod
    def new(cls) -> "World":
        made = Community(("BZ", "GT", "MX"))
        bz_gt = made.agreement(
            "BZ-GT",
            ("BZ", "GT"),
            clause(["BZ", "GT"], ["BZ", "GT"]),
            clause(["BZ"], ["GT"], "drugs", subjects=("DRUG_TRAFFICKING",)),
            clause(["GT"], ["BZ"], "back"),
        )
        bz_mx = made.agreement("BZ-MX", ("BZ", "MX"))
        three = made.agreement(
            "THREE", ("BZ", "GT", "MX"), clause(["MX"], ["GT"], "from-mx"), clause(["BZ"], ["MX"], "to-mx")
        )
        return cls(made, bz_gt, bz_mx, three)

    def named(self, clause_id: str = "1", agreement: bytes | None = None) -> ClauseReference:
        """A clause of BZ-GT, or of another agreement."""
        return ClauseReference(agreement=agreement or self.bz_gt, clause=clause_id)

    def author(self, code: str = "BZ") -> Author:
        return Author(code=code, community=self.community.community)


@cache
def world() -> World:
    """The community that no test changes."""
    return World.new()


@cache
def governance() -> Governance:
    return world().community.governance


def judge(node: str = "GT", *, known: Governance | None = None, keys: PrivateKeys | None = None) -> Judge:
    """The judge of a node, made as a daemon makes it."""
    keys, known = keys or keys_of(node), known or governance()
    return Judge(
        node=node,
        governance=known,
        holds=lambda key_id: keys.by_id(key_id) is not None,
        audience_keys=AudienceKeys(unwrapper(keys), known.community),
        memory=SignatureMemory(),
    )


def verified(by: Judge, value: bytes, where: StreamId) -> Verified:
    record = by.authenticate(value, where)
    assert isinstance(record, Verified), record
    return record


def decide(
    by: Judge,
    value: bytes,
    grant: bytes | None,
    *,
    now: int = NOW,
    stream: str = INTEL,
    originator: str = "BZ",
    granted_by: str | None = None,
) -> Decision:
    """The decision of the reader about a message, with the grant that it has for it."""
    record = verified(by, value, StreamId(stream=stream, originator=originator))
    source = StreamId(stream="keys", originator=granted_by or originator)
    held = None if grant is None else grant_of(verified(by, grant, source))
    return by.decide(record, grant=held, now=now)


def code_of(decision: Decision) -> str:
    """The code of a rejection; otherwise the outcome and its reason, if it has one."""
    if decision.outcome == "rejected":
        return decision.code or ""
    return decision.outcome.value + (f" {decision.code}" if decision.code else "")


def granted(author: Author, *clauses: ClauseReference, **fields: Any) -> tuple[AudienceKey, KeyGrant]:
    """A key, and the lawful grant of it to GT by `clauses` (by default clause 1) and to MX."""
    key = AudienceKey.new(author)
    to = {"GT": clauses or (world().named(),), "MX": (world().named("1", world().bz_mx),)}
    return key, grant_body(author, key, governance(), to, **fields)
