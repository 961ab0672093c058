"""Checks the signatures of a document and counts its signers.

Pure. admission.py decides which keys and which threshold apply. Rules ("Governance"):

- a signature that is wrong, or whose key is not known here, is ignored;
- a COMPROMISED key does not count, nor a key that ended before the document begins: a retired key does not sign;
- thresholds count signers, not signatures.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from node.primitives import frame
from node.sealing.public_keys import verify
from node.trust.document_versions import ListedKey
from node.trust.signed_document import ParsedDocument
from schemas.types import KeyReason


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureCheck:
    """One signature of a document, as `governance check` shows it."""

    signer: str | None
    """Node code or trustee id; None if the key is not known here."""

    key_id: bytes
    valid: bool


def check_signatures(parsed: ParsedDocument, keys: Iterable[ListedKey]) -> tuple[SignatureCheck, ...]:
    """Verify each signature of the document under the key among `keys` that it names."""
    known = {key.key_id: key for key in keys}
    data = frame("enlace/1 document", parsed.signed.document)
    checks = []
    for signature in parsed.signed.signatures:
        key = known.get(signature.key_id)
        valid = key is not None and verify(key.use, key.public, signature.signature, data)
        signer = key.node if key else None
        checks.append(SignatureCheck(signer=signer, key_id=signature.key_id, valid=valid))
    return tuple(checks)


def counting(keys: Iterable[ListedKey], t: int) -> tuple[ListedKey, ...]:
    """The keys whose signatures count for a document that begins at `t` (ms).

    A document does not prove when it was signed, so a key counts if it had not ended when the document begins. A key
    may be younger than that: a document may begin before it is signed.
    """
    return tuple(
        key for key in keys if key.reason is not KeyReason.COMPROMISED and (key.until is None or t < key.until)
    )


def signers(checks: Iterable[SignatureCheck], keys: Iterable[ListedKey]) -> set[str]:
    """Holders of those keys that have a valid signature; the caller passes the keys that count."""
    holders = {key.key_id: key.node for key in keys}
    return {holders[check.key_id] for check in checks if check.valid and check.key_id in holders}


def missing_trustees(threshold: int, signed_by: set[str], trustees: Iterable[ListedKey], t: int) -> list[str]:
    """Trustees who could still sign, sorted; empty if the threshold is met.

    If every trustee with a usable key has signed and the threshold is not met, the answer names the other trustees. It
    is never empty below the threshold, because an empty answer means that the document has effect.
    """
    if len(signed_by) >= threshold:
        return []
    listed = tuple(trustees)
    usable = {key.node for key in counting(listed, t)}
    return sorted(usable - signed_by) or sorted({key.node for key in listed} - signed_by)
