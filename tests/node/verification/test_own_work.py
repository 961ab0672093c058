"""This node's own verification of what it sealed."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from sqlalchemy import select

from node.database.outgoing_tables import draft, outgoing
from node.errors import Rejected, Unavailable
from node.stages import Decision, SealedBatch, StreamHead
from node.store import outbox
from node.verification.judge import Judge
from node.verification.own_work import check_own_work
from tests.support.exchange import TestNode, exchange


async def sealed(node: TestNode) -> SealedBatch:
    """A batch that the node sealed, as the relay hands it to the check."""
    await node.accept([node.draft()])
    await node.relay.seal(await node.relay.look())
    [(first, value)] = await node.store.read(lambda db: outbox.unacknowledged(db, "intel.caribbean", 10))
    return SealedBatch(stream="intel.caribbean", first_sequence=first, values=(value,), head=StreamHead())


async def test_what_a_reader_accepts_passes_and_is_returned_verified(tmp_path: Path) -> None:
    async with exchange(tmp_path, "BZ", "GT") as made:
        batch = await sealed(made.nodes["BZ"])
        verified = check_own_work([batch], made.nodes["BZ"].judge)

    assert [record.value for record in verified] == list(batch.values)


async def test_a_record_that_a_reader_would_reject_is_refused_with_the_reader_s_code(tmp_path: Path) -> None:
    async with exchange(tmp_path, "BZ", "GT") as made:
        bz = made.nodes["BZ"]
        elsewhere = replace(await sealed(bz), stream="intel.europe")
        with pytest.raises(Unavailable, match="stream_mismatch") as refused:
            check_own_work([elsewhere], bz.judge)

    assert refused.value.code == "sealing_refused"


@pytest.mark.parametrize("code", ["key_not_valid", "key_unknown", "key_use_wrong", "body_malformed", "path_invalid"])
def test_the_hint_depends_on_the_check_that_failed(code: str) -> None:
    """Documents can correct only a key; any other refusal is a bug, which the hint asks to report."""
    decision = Decision.rejected(Rejected(code, "detail"))
    judge = cast(Judge, SimpleNamespace(node="BZ", authenticate=lambda *_: decision))
    batch = SealedBatch(stream="keys", first_sequence=1, values=(b"",), head=StreamHead())
    with pytest.raises(Unavailable) as refused:
        check_own_work([batch], judge)

    of_key = "install a NODE document that is valid now and lists this node's keys and streams"
    of_bug = f"this is a bug of this version of Enlace: report it with the code {code}"
    assert refused.value.hint == (of_key if code.startswith("key_") else of_bug)


async def test_nothing_is_stored_of_a_sealing_that_a_reader_would_reject(tmp_path: Path) -> None:
    """BZ signs with a key that no document lists: the draft stays, and no bytes are on their way."""
    async with exchange(tmp_path, "BZ", "GT") as made:
        bz = made.nodes["BZ"]
        await bz.accept([bz.draft()])
        bz.relay.signer = replace(bz.relay.signer, key_id=bytes(32))
        with pytest.raises(Unavailable, match="key_unknown"):
            await bz.relay.step()
        drafts = await bz.store.read(lambda db: db.execute(select(draft.c.sequence)).scalars().all())
        bytes_on_their_way = await bz.store.read(lambda db: db.execute(select(outgoing)).all())

    assert (list(drafts), list(bytes_on_their_way)) == ([None], [])
