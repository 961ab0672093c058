"""Step 7 for open types: the body, and the bytes in it, are canonical and within their limits.

Pure. Grants and receipts are acted on by this version; the others are checked here, counted by the subscriber and not
stored.
Every failure raises Rejected `body_malformed`.
"""

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
    Header,
    KeyGrant,
    KeyUse,
    MessageType,
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


def check_body(header: Header, batch: Batch, content: bytes, governance: Governance) -> KeyGrant | Receipt | None:
    """Check the content of an open type; returns the grant of a KEY_GRANT, the receipt of a RECEIPT."""
    try:
        match header.type:
            case MessageType.KEY_GRANT:
                return _grant(codec.decode(KeyGrant, content), batch.originator)
            case MessageType.RECEIPT:
                return codec.decode(Receipt, content)
            case MessageType.CHECKPOINT:
                _checkpoint(codec.decode(CheckpointBody, content), batch, governance)
            case _:
                document = codec.decode(Document, codec.decode(SignedDocument, content).document)
                codec.decode(_DOCUMENT_BODY[document.kind], document.body)
    except codec.BadMessage as error:
        raise Rejected("body_malformed", error.reason) from None
    return None


def _grant(grant: KeyGrant, originator: str) -> KeyGrant:
    named = [(entry.recipient, entry.key_id) for entry in grant.entries]
    if not named or len(set(named)) != len(named):
        raise Rejected("body_malformed", "a grant has entries, and none for a recipient and key twice")
    for entry in grant.entries:
        if (entry.recipient == originator) == bool(entry.clauses):
            raise Rejected("body_malformed", "each entry names its clauses, the originator's own none")
    return grant


def _checkpoint(body: CheckpointBody, batch: Batch, governance: Governance) -> None:
    codec.decode(Checkpoint, body.checkpoint)
    key = governance.key(body.key_id)
    if key is None or key.node != batch.originator or key.use is not KeyUse.CHECKPOINT:
        raise Rejected("body_malformed", f"the checkpoint names no CHECKPOINT key of {batch.originator}")
    signed = frame("enlace/1 checkpoint", batch.community, batch.originator, body.checkpoint)
    if not public_keys.verify_mldsa(key.public, body.signature, signed):
        raise Rejected("body_malformed", "the checkpoint's ML-DSA signature does not hold")
