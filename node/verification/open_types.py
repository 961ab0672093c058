"""Step 7 for open types: the body, and the bytes in it, are canonical and within their limits.

Pure. The table of kinds (node/verification/kinds.py) says which function reads which type, and what a node keeps of it.
Each failure raises Rejected `body_malformed`.
"""

from collections.abc import Callable
from typing import Final

from node.errors import Rejected
from node.primitives import frame
from node.sealing import public_keys
from node.trust.governance import Governance
from schemas.avro import codec
from schemas.types import (
    Agreement,
    Batch,
    Checkpoint,
    CheckpointBody,
    Document,
    DocumentKind,
    KeyGrant,
    KeyUse,
    Node,
    Receipt,
    Record,
    Root,
    SignedDocument,
)

_DOCUMENT_BODY: Final[dict[DocumentKind, type[Record]]] = {
    DocumentKind.ROOT: Root,
    DocumentKind.NODE: Node,
    DocumentKind.AGREEMENT: Agreement,
}


def check_body(
    read: Callable[[bytes, Batch, Governance], Record], content: bytes, batch: Batch, governance: Governance
) -> Record:
    """Decode and check the content of an open type by `read`, the function of its kind."""
    try:
        return read(content, batch, governance)
    except codec.BadMessage as error:
        raise Rejected("body_malformed", error.reason) from None


def read_grant(content: bytes, batch: Batch, _governance: Governance) -> KeyGrant:
    """The grant of a KEY_GRANT; the schema has one entry for each recipient and key, and at least one entry."""
    grant = codec.decode(KeyGrant, content)
    for entry in grant.entries:
        if (entry.recipient == batch.originator) == bool(entry.clauses):
            raise Rejected("body_malformed", "each entry names its clauses, except the originator's own")
    return grant


def read_receipt(content: bytes, _batch: Batch, _governance: Governance) -> Receipt:
    """The receipt of a RECEIPT."""
    return codec.decode(Receipt, content)


def read_checkpoint(content: bytes, batch: Batch, governance: Governance) -> CheckpointBody:
    """The body of a CHECKPOINT; its ML-DSA signature is valid under a CHECKPOINT key of the originator."""
    body = codec.decode(CheckpointBody, content)
    codec.decode(Checkpoint, body.checkpoint)
    key = governance.key(body.key_id)
    if key is None or key.node != batch.originator or key.use is not KeyUse.CHECKPOINT:
        raise Rejected("body_malformed", f"the checkpoint does not name a CHECKPOINT key of {batch.originator}")
    signed = frame("enlace/1 checkpoint", batch.community, batch.originator, body.checkpoint)
    if not public_keys.verify_mldsa(key.public, body.signature, signed):
        raise Rejected("body_malformed", "the checkpoint's ML-DSA signature is not valid")
    return body


def read_document(content: bytes, _batch: Batch, _governance: Governance) -> SignedDocument:
    """The document of a PROPOSAL or DOCUMENT; whether enough signers signed it is not asked here."""
    signed = codec.decode(SignedDocument, content)
    document = codec.decode(Document, signed.document)
    codec.decode(_DOCUMENT_BODY[document.kind], document.body)
    return signed
