"""Writes two bad records to the log, as the operator of the broker could.

Each node must put both into quarantine:

- a forged record: an outsider's key signs in the name of Belize,
- a tampered record: a record of Guatemala with one changed byte.
"""

from pathlib import Path

from broker.bus import open_log
from broker.log import Log
from broker.streams import KEYS, intel_stream, topic_of
from node.primitives import digest
from node.sealing.private_keys import PrivateKeys
from node.sealing.seal import Signer, open_type_leaf, seal_batch
from node.stages import StreamHead
from schemas.avro import codec
from schemas.types import Batch, KeyUse, MessageType, SealedMessage

FORGED_ORIGINATOR = "BZ"
TAMPERED_TOPIC = topic_of(intel_stream("central-america"), "GT")


async def forge(bus_url: str, folder: Path) -> None:
    """Append one forged and one tampered record."""
    log = open_log(bus_url, folder)
    try:
        genuine = await _first_record(log, TAMPERED_TOPIC)
        await log.append(topic_of(KEYS, FORGED_ORIGINATOR), [_forged(codec.decode(SealedMessage, genuine))])
        await log.append(TAMPERED_TOPIC, [_tampered(genuine)])
    finally:
        await log.close()


async def _first_record(log: Log, topic: str) -> bytes:
    [fetched] = await log.fetch({topic: 0}, records_max=1, wait_seconds=10)
    return fetched.entries[0].value or b""


def _forged(genuine: SealedMessage) -> bytes:
    """A key grant in the name of `FORGED_ORIGINATOR`, signed by a key that no NODE document lists."""
    outsider = PrivateKeys.generate("XX", (KeyUse.SEAL,)).newest(KeyUse.SEAL)
    batch = codec.decode(Batch, genuine.batch)
    signer = Signer(originator=FORGED_ORIGINATOR, community=batch.community, key_id=outsider.key_id, sign=outsider.sign)
    leaf = open_type_leaf(MessageType.KEY_GRANT, b"not a grant", message_id=digest(b"forged")[:16])
    return seal_batch([leaf], stream=KEYS, head=StreamHead(), sealed_at=batch.sealed_at, signer=signer).values[0]


def _tampered(genuine: bytes) -> bytes:
    changed = bytearray(genuine)
    changed[len(changed) // 4] ^= 0x01  # inside the sealed content
    return bytes(changed)
