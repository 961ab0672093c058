"""A report that a recipient rejected is a fault, until the recipient can store it or an operator has decided."""

from functools import partial
from pathlib import Path

from node.database.engine import Store
from node.outgoing import standing_faults
from node.sending import rejections
from node.verification.receipt_bytes import meaning

REJECTED = next(byte for byte in range(256) if meaning(byte)[0] == "rejected")
STORED = next(byte for byte in range(256) if meaning(byte)[0] == "stored")
STREAM = "intel.caribbean"


async def subjects(store: Store) -> list[str]:
    return sorted(fault.subject for fault in await store.read(standing_faults.standing))


async def test_a_rejection_stands_until_the_recipient_stores_the_record(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    first = [(5, bytes([STORED, REJECTED, REJECTED]))]
    for _ in range(2):
        await store.write(lambda db: rejections.note(db, "GT", STREAM, first, 1))
    await store.write(lambda db: rejections.note(db, "MX", STREAM, [(6, bytes([REJECTED]))], 2))
    before = await subjects(store)
    await store.write(lambda db: rejections.note(db, "GT", STREAM, [(5, bytes([STORED, STORED, REJECTED]))], 3))
    after = await subjects(store)
    await store.write(lambda db: rejections.settle(db, [(STREAM, 7), (STREAM, 99)]))
    left = await subjects(store)
    await store.close()

    assert before == [f"GT {STREAM} 6", f"GT {STREAM} 7", f"MX {STREAM} 6"]
    assert after == [f"GT {STREAM} 7", f"MX {STREAM} 6"]
    assert left == [f"MX {STREAM} 6"]


async def test_a_recipient_cannot_fill_the_table(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    for first in (1, 300):
        many = [(first, bytes([REJECTED]) * 255)]
        await store.write(partial(rejections.note, recipient="GT", stream=STREAM, outcomes=many, now=1))
    found = await subjects(store)
    await store.close()

    assert len(found) == rejections.REJECTIONS_NOTED_MAX
