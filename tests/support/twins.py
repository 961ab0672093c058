"""Two readers in parallel: the rules of the project, and the second implementation of the same specification.

Each takes records one by one with the stream where it was read, and answers each with one word. Both keep chain and
grants in memory. They store nothing, and do not see each other's results.
"""

from dataclasses import dataclass, field

from node.errors import Rejected
from node.runtime.current_judge import unwrapper
from node.sealing.private_keys import PrivateKeys
from node.sharing.grants import AudienceKeys
from node.stages import Decision, Grant, Outcome, StreamId, Verified
from node.trust.governance import Governance
from node.verification.chain import StreamView
from node.verification.judge import Judge, grant_of
from node.verification.new_grants import NewGrants
from node.verification.signature_memory import SignatureMemory
from schemas.types import KeyUse
from tests.independent import avro, verify
from tests.independent.knowledge import Knowledge, load
from tests.independent.opening import Opened, open_message, unwrap


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of a record as one word, and its payload if the reader opened it."""

    word: str
    payload: bytes = b""


@dataclass(slots=True)
class ProjectReader:
    """The rules of the project, with chain and grants in memory."""

    judge: Judge
    views: dict[StreamId, StreamView] = field(default_factory=dict)
    grants: list[Grant] = field(default_factory=list)
    by_key: NewGrants = field(default_factory=NewGrants)

    @classmethod
    def of(cls, node: str, governance: Governance, keys: PrivateKeys) -> "ProjectReader":
        """The reader `node` with these private keys."""
        return cls(
            Judge(
                node=node,
                governance=governance,
                holds=lambda key_id: keys.by_id(key_id) is not None,
                audience_keys=AudienceKeys(unwrapper(keys), governance.community),
                memory=SignatureMemory(),
            )
        )

    def read(self, value: bytes, place: StreamId, now: int) -> Answer:
        """Judge one record."""
        record = self.judge.authenticate(value, place)
        if isinstance(record, Decision):
            return _answer(record)
        try:
            placed = self.views.setdefault(place, StreamView.of()).place(record)
        except Rejected as error:
            return Answer(error.code)
        if placed.duplicate or placed.reused_id is not None:
            return Answer(placed.reused_id.code if placed.reused_id else "duplicate")
        if record.grant is not None:
            self.grants.append(grant_of(record))
            self.by_key.add(record, self.views[place], late=placed.out_of_order)
        return _answer(self.judge.decide(record, grant=self._grant(record), now=now))

    def _grant(self, record: Verified) -> Grant | None:
        """The first grant of the key, with its parts; if there is none, the grant at the sequence in the header."""
        if (sealing := record.header.sealing) is None:
            return None
        originator = record.batch.originator
        if (named := self.by_key.named(originator, sealing.audience_key_id, sealing.grant)) is not None:
            return named
        at = [grant for grant in self.grants if (grant.originator, grant.sequence) == (originator, sealing.grant)]
        return next(iter(at), None)


def _answer(decision: Decision) -> Answer:
    if decision.outcome is Outcome.STORED and decision.opened is not None:
        return Answer("stored", decision.opened.payload)
    if decision.outcome in (Outcome.REJECTED, Outcome.WITHHELD):
        return Answer(decision.code or "")
    return Answer("counted" if decision.outcome is Outcome.COUNTED else decision.outcome.value)


@dataclass(slots=True)
class SecondReader:
    """The second implementation."""

    node: str
    chain: verify.Chain
    private: dict[bytes, bytes]

    @classmethod
    def of(cls, node: str, knowledge: Knowledge, keys: PrivateKeys) -> "SecondReader":
        """The reader `node` with these private keys."""
        private = {key.key_id: key.private for key in keys.keys if key.use is KeyUse.ENCRYPT}
        return cls(node, verify.Chain(knowledge), private)

    def read(self, value: bytes, place: StreamId, now: int) -> Answer:
        """Judge one record."""
        try:
            record = verify.verify(value, self.chain.knowledge, place.originator, place.stream)
            self.chain.place(record, now)
            if record.header["sealing"] is not None:
                return self._opened(open_message(record, self.chain, self.node, self.private, now))
            if record.header["type"] == "KEY_GRANT":
                unwrap(record, None, self.chain, self.node, self.private)
        except verify.Refused as refused:
            is_grant = refused.step == 13 and place.stream == "keys"
            return Answer("counted" if is_grant and refused.code in ("waiting", "not_addressed") else refused.code)
        return Answer("counted")

    def _opened(self, opened: Opened) -> Answer:
        if opened.labels["kind"] == "RECALL":
            return Answer("counted")
        return Answer("stored", avro.encode("IntelligenceReport", opened.payload))


@dataclass(slots=True)
class Twins:
    """Both readers as the same node."""

    project: ProjectReader
    second: SecondReader

    @classmethod
    def of(cls, node: str, documents: list[bytes], governance: Governance, keys: PrivateKeys) -> "Twins":
        """Both, from the same documents and keys."""
        knowledge = load(documents, governance.community)
        return cls(ProjectReader.of(node, governance, keys), SecondReader.of(node, knowledge, keys))

    def read(self, value: bytes, place: StreamId, now: int) -> Answer:
        """The answer of both; fails if they differ."""
        first, second = self.project.read(value, place, now), self.second.read(value, place, now)
        assert first == second
        return first
