"""The grants that took their place in one ingest, by key, with the parts of each. Pure."""

from dataclasses import dataclass, field, replace

from node.sharing.grant_parts import GrantParts, joined
from node.stages import Grant, Verified
from node.verification.chain import StreamView
from node.verification.judge import grant_of

ArrivedGrant = tuple[str, int, int]
"""Originator and sequence of a grant, and the end of its batch; the next sequence if no later record was here before.
"""


@dataclass(slots=True)
class NewGrants:
    """What one ingest found in `keys` streams."""

    by_key: dict[tuple[str, bytes], GrantParts] = field(default_factory=dict)
    """Originator and audience key id -> the first grant of the key, and its parts."""

    keys: dict[tuple[str, int], bytes] = field(default_factory=dict)
    """Originator and sequence of each grant -> its key."""

    loose: list[Grant] = field(default_factory=list)
    """Grants whose neighbour before them in the batch is not here: it may be a part of the same grant."""

    arrived: list[ArrivedGrant] = field(default_factory=list)
    """Grants whose messages can be looked at again."""

    def add(self, record: Verified, view: StreamView, *, late: bool) -> None:
        """Add a grant that has its place in `view`; `late` means that a later record was here before."""
        grant, batch = grant_of(record), record.batch
        key = (batch.originator, grant.body.audience_key_id)
        known = self.by_key.get(key)
        self.keys[batch.originator, grant.sequence] = grant.body.audience_key_id
        begin, end = batch.first_sequence, batch.first_sequence + batch.size
        # A late part may complete the grant of messages that name a part after it.
        self.arrived.append((batch.originator, grant.sequence, end if late else grant.sequence + 1))
        if not _follows_what_is_here(record, view):
            self.loose.append(grant)
        elif known is None:
            self.by_key[key] = GrantParts(parts=[grant], begin=begin, end=end)
        elif known.begin == begin and known.parts[-1].sequence + 1 == grant.sequence:
            self.by_key[key] = replace(known, parts=[*known.parts, grant])

    def named(self, originator: str, key_id: bytes, sequence: int) -> Grant | None:
        """The grant that a message means by naming `sequence`, if this ingest has it.

        It is not complete if the leaf before it in its batch is in the store and may be a part too.
        """
        known = self.by_key.get((originator, key_id))
        if known is None:
            return None
        grant, before = joined(known.parts, sequence, known.end), known.parts[0].sequence - 1
        begins_here = before < known.begin or self.keys.get((originator, before), key_id) != key_id
        return grant if begins_here else replace(grant, complete=False)


def _follows_what_is_here(record: Verified, view: StreamView) -> bool:
    """Whether the leaf is the first of its batch, or the leaf before it is here."""
    index = record.sealed.index
    link = view.links.get(record.batch_hash)
    return index == 0 or (link is not None and bool(link.arrived >> (index - 1) & 1))
