"""Two records that nobody should believe, written to the log as whoever runs the broker could.

A forged one: an outsider signs in the name of Belize. A tampered one: Guatemala's own record with one byte changed.
"""

from pathlib import Path

from broker.bus import open_log
from broker.log import Log
from node.primitives import digest
from node.sealing.private_keys import PrivateKeys
from node.sealing.seal import Signer, open_type_leaf, seal_batch
from node.stages import StreamHead
from schemas.avro import codec
from schemas.types import Batch, KeyUse, MessageType, SealedMessage


async def forge(bus_url: str, folder: Path) -> None:
    """Append one forged and one tampered record."""
    log = open_log(bus_url, folder)
    try:
        genuine = await _first(log, "intel.central-america.gt")
        await log.append("keys.bz", [_forged("BZ", codec.decode(SealedMessage, genuine))])
        await log.append("intel.central-america.gt", [_tampered(genuine)])
    finally:
        await log.close()


async def _first(log: Log, topic: str) -> bytes:
    [fetched] = await log.fetch({topic: 0}, records_max=1, wait_seconds=10)
    return fetched.entries[0].value or b""


def _forged(victim: str, genuine: SealedMessage) -> bytes:
    outsider = PrivateKeys.generate("XX", (KeyUse.SEAL,)).newest(KeyUse.SEAL)
    batch = codec.decode(Batch, genuine.batch)
    signer = Signer(originator=victim, community=batch.community, key_id=outsider.key_id, sign=outsider.sign)
    leaf = open_type_leaf(MessageType.KEY_GRANT, b"not a grant", message_id=digest(b"forged")[:16])
    return seal_batch([leaf], stream="keys", head=StreamHead(), sealed_at=batch.sealed_at, signer=signer).values[0]


def _tampered(genuine: bytes) -> bytes:
    changed = bytearray(genuine)
    changed[len(changed) // 4] ^= 0x01  # inside the sealed content
    return bytes(changed)
