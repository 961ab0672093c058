"""node/access_chain/entry_hash.py: every change of an entry changes its hash."""

import hashlib

import pytest

from node.access_chain.entry_hash import FIELDS, FIRST_PREVIOUS, entry_hash

ENTRY = (7, 1_790_000_000_123, "CONSULTATION", "ana (uid 1000)", "m-1", "search", "PQ", "Caso 7, ñ", "PLATE=A1", 2)


def changed(field: str, value: object) -> tuple[object, ...]:
    """The entry with another value."""
    return tuple(value if name == field else old for name, old in zip(FIELDS, ENTRY, strict=True))


@pytest.mark.parametrize("field", FIELDS)
def test_another_value_of_a_field_has_another_hash(field: str) -> None:
    old = ENTRY[FIELDS.index(field)]
    others: list[object] = [old + 1, -old] if isinstance(old, int) else [f"{old} ", "", str(old)[:-1]]
    if FIELDS.index(field) >= FIELDS.index("purpose"):
        others.append(None)
    hashes = {entry_hash(FIRST_PREVIOUS, changed(field, value)) for value in others}

    assert len(hashes | {entry_hash(FIRST_PREVIOUS, ENTRY)}) == len(others) + 1


def test_a_text_that_moves_from_one_field_to_the_next_changes_the_hash() -> None:
    first = (*ENTRY[:4], "ab", "c", *ENTRY[6:])
    second = (*ENTRY[:4], "a", "bc", *ENTRY[6:])

    assert entry_hash(FIRST_PREVIOUS, first) != entry_hash(FIRST_PREVIOUS, second)


def test_the_hash_covers_the_entry_before_it() -> None:
    assert entry_hash(FIRST_PREVIOUS, ENTRY) != entry_hash(b"1" * 32, ENTRY)


def test_the_hash_is_that_of_the_documented_bytes() -> None:
    """docs/access-log.md: each item with its length in 4 bytes; numbers of 8 bytes; `=` before what may be null."""
    items = [b"enlace/1 access entry", bytes(32), (7).to_bytes(8, "big"), (1_790_000_000_123).to_bytes(8, "big")]
    items += [b"CONSULTATION", b"ana (uid 1000)", b"m-1", b"search", b"=PQ", "=Caso 7, ñ".encode(), b"=PLATE=A1"]
    items += [b"=" + (2).to_bytes(8, "big")]
    framed = b"".join(len(item).to_bytes(4, "big") + item for item in items)

    assert entry_hash(FIRST_PREVIOUS, ENTRY) == hashlib.sha256(framed).digest()
