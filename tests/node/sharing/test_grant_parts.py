"""node/sharing/grant_parts.py: which parts of a grant a message means by the sequence that it names."""

from dataclasses import replace

from msgspec import structs

from node.sharing.grant_parts import joined
from node.stages import Grant
from schemas.types import GrantEntry, KeyGrant

END = 9
"""The first sequence after the batch."""


def part(sequence: int, recipient: str) -> Grant:
    """A part with one entry."""
    entry = GrantEntry(recipient=recipient, key_id=bytes(32), wrap=bytes(1168), clauses=())
    body = KeyGrant(audience_key_id=bytes(32), use_until=1, entries=(entry,))
    return Grant(originator="BZ", sequence=sequence, sealed_at=0, body=body)


FIRST, SECOND, THIRD = part(5, "GT"), part(6, "MX"), part(7, "ES")


def test_a_message_that_names_the_first_part_means_this_grant_as_it_is() -> None:
    assert joined([FIRST, SECOND], 5, END) is FIRST


def test_a_message_that_names_a_later_part_is_for_the_entries_up_to_it() -> None:
    body = structs.replace(FIRST.body, entries=(*FIRST.body.entries, *SECOND.body.entries))

    assert joined([FIRST, SECOND, THIRD], 6, END) == replace(FIRST, sequence=6, body=body, complete=True)


def test_a_grant_is_not_complete_while_a_part_is_missing() -> None:
    assert not joined([FIRST, THIRD], 7, END).complete


def test_a_sequence_outside_the_batch_names_no_part() -> None:
    assert [joined([FIRST, SECOND], sequence, END) for sequence in (4, END, END + 1)] == [FIRST] * 3
