"""What sealing adds to its leaves: a time that does not go back, and the head from which the next batch continues."""

import pytest

from node.primitives import digest
from node.sealing.seal import Signer, open_type_leaf, seal_batch
from node.stages import StreamHead
from schemas.avro import codec
from schemas.types import Batch, MessageType, SealedMessage

SIGNER = Signer(originator="BZ", community=bytes(32), key_id=bytes(32), sign=lambda _: bytes(64))
LEAVES = [open_type_leaf(MessageType.KEY_GRANT, body, message_id=bytes(16)) for body in (b"first", b"second")]


@pytest.mark.parametrize(("clock", "sealed_at"), [(999, 1000), (1000, 1000), (1001, 1001)])
def test_a_batch_continues_its_stream_at_a_time_that_never_goes_back(clock: int, sealed_at: int) -> None:
    """A clock that was set back does not break the chain (step 9)."""
    head = StreamHead(next_sequence=7, batch_hash=b"h" * 32, sealed_at=1000)
    sealed = seal_batch(LEAVES, stream="keys", head=head, sealed_at=clock, signer=SIGNER)
    data = codec.decode(SealedMessage, sealed.values[0]).batch
    batch = codec.decode(Batch, data)

    assert (batch.first_sequence, batch.previous, batch.sealed_at) == (7, head.batch_hash, sealed_at)
    assert sealed.head == StreamHead(next_sequence=9, batch_hash=digest(data), sealed_at=sealed_at)
