"""Decides whether a NODE document has effect: whose signatures it needs, and under which ROOT ("Governance").

Pure. Rules:

- it needs the threshold of the ROOT that it names, and that of the ROOT at its `from` if that one is later: trustees
  who have left admit nobody;
- both of these ROOTs are valid at its `from`: an expired ROOT admits no NODE document;
- each signing key that it introduces signs it;
- the revoke threshold is enough if the version only revokes keys;
- a version that adds an ENCRYPT or AGREE key also needs an AGREE key of the version before, so that trustees cannot
  read in the name of a node. If no such key counts any more, every trustee signs.

A trustee's key that any ROOT here lists as COMPROMISED never counts, whichever ROOT the document names. Files have no
order, so an old ROOT must not make a stolen key usable again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from node.sealing.public_keys import SIGNING_USES
from node.trust.admission import Examination, root_unknown
from node.trust.document_signatures import SignatureCheck, check_signatures, counting, missing_trustees, signers
from node.trust.document_versions import (
    ListedKey,
    NodeVersion,
    RootVersion,
    document_time_text,
    listed_keys,
    trustee_keys,
)
from node.trust.signed_document import DocumentInvalid, ParsedDocument
from node.trust.succession import check_follows, check_keys_kept, only_revokes
from schemas.types import KeyReason, KeyUse, Node

READING_USES: Final = (KeyUse.ENCRYPT, KeyUse.AGREE)
"""Keys that only the node itself may add: to read in its name, and to say who may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Keys:
    """The keys whose signatures count for one document."""

    trustees: Sequence[tuple[RootVersion, tuple[ListedKey, ...]]]
    """Each ROOT whose threshold is needed, with the keys of its trustees that count."""

    introduced: Sequence[ListedKey]
    """New signing keys."""

    before: Sequence[ListedKey]
    """AGREE keys of the version before; empty if none is needed, or if none counts any more."""

    all_trustees: bool
    """One of those is needed, and none counts any more."""

    @property
    def all(self) -> tuple[ListedKey, ...]:
        """Every key, each once."""
        keys = [key for _, listed in self.trustees for key in listed]
        return tuple({key.key_id: key for key in (*keys, *self.introduced, *self.before)}.values())


def examine_node(
    parsed: ParsedDocument,
    body: Node,
    previous: NodeVersion | None,
    roots: Sequence[RootVersion],
    compromised: frozenset[bytes],
) -> Examination:
    """Examine a NODE document under `roots`, ascending; `compromised` are public keys of trustees that never count."""
    problem = check_follows(parsed, previous)
    if previous and not problem:
        problem = check_keys_kept(parsed.document.id, previous.body.keys, body.keys)
    named = next((root for root in roots if root.hash == parsed.document.root), None)
    if named is None:
        checks = check_signatures(parsed, ())
        return Examination(signatures=checks, missing=(), counted=(), problem=problem or root_unknown())
    needed = _needed_roots(named, roots, parsed.document.from_)
    problem = problem or _expired(needed, parsed.document.from_)
    keys = _keys(parsed, body, previous, needed, compromised)
    checks = check_signatures(parsed, keys.all)
    revokes = previous is not None and problem is None and _only_revokes(parsed, body, previous, named)
    missing = (*_missing_own(parsed, keys, checks), *_missing_trustees(keys, checks, parsed.document.from_, revokes))
    return Examination(
        signatures=checks,
        missing=tuple(dict.fromkeys(missing)),
        counted=keys.all,
        problem=problem,
        stops=revokes and previous is not None and body.keys != previous.body.keys,
    )


def _needed_roots(named: RootVersion, roots: Iterable[RootVersion], t: int) -> list[RootVersion]:
    """The ROOT that the document names, and the ROOT at its beginning if that one is later."""
    begun = [root for root in roots if root.document.from_ <= t]
    later = begun[-1:] if begun and begun[-1].document.version > named.document.version else []
    return [named, *later]


def _expired(needed: Iterable[RootVersion], t: int) -> DocumentInvalid | None:
    for root in needed:
        if t >= root.document.until:
            ended = document_time_text(root.document.until)
            message = f"ROOT version {root.document.version} expired on {ended} and admits no NODE that begins later"
            hint = "have a new ROOT signed and installed, and let the NODE name it"
            return DocumentInvalid("root_expired", message, path="root", hint=hint)
    return None


def _keys(
    parsed: ParsedDocument,
    body: Node,
    previous: NodeVersion | None,
    needed: Iterable[RootVersion],
    compromised: frozenset[bytes],
) -> _Keys:
    begin, node = parsed.document.from_, parsed.document.id
    usable = [
        (root, tuple(key for key in counting(trustee_keys(root.body), begin) if key.public not in compromised))
        for root in needed
    ]
    old = listed_keys(node, previous.body.keys) if previous else ()
    known = {key.key_id for key in old}
    new = [key for key in listed_keys(node, body.keys) if key.key_id not in known]
    lost = {key.key_id for key in listed_keys(node, body.keys) if key.reason is KeyReason.COMPROMISED}
    adds_reader = previous is not None and any(key.use in READING_USES for key in new)
    agree = [key for key in counting(old, begin) if key.use is KeyUse.AGREE and key.key_id not in lost]
    return _Keys(
        trustees=usable,
        introduced=[key for key in new if key.use in SIGNING_USES],
        before=agree if adds_reader else (),
        all_trustees=adds_reader and not agree,
    )


def _only_revokes(parsed: ParsedDocument, body: Node, previous: NodeVersion, named: RootVersion) -> bool:
    """Whether the version only revokes keys; it must not live longer by naming a ROOT that lives longer."""
    return only_revokes(parsed, body, previous) and min(parsed.document.until, named.document.until) <= previous.until


def _missing_own(parsed: ParsedDocument, keys: _Keys, checks: Iterable[SignatureCheck]) -> list[str]:
    """New keys that have not signed, and the AGREE key of the version before."""
    signed_by = {check.key_id for check in checks if check.valid}
    missing = [f"{key.node} {key.use}" for key in keys.introduced if key.key_id not in signed_by]
    if keys.before and not any(key.key_id in signed_by for key in keys.before):
        missing.append(f"{parsed.document.id} AGREE of version {parsed.document.version - 1}")
    return missing


def _missing_trustees(keys: _Keys, checks: Sequence[SignatureCheck], t: int, revokes: bool) -> list[str]:
    missing = []
    for root, usable in keys.trustees:
        threshold = root.body.revoke_threshold if revokes else root.body.threshold
        if keys.all_trustees:
            threshold = max(threshold, len(usable))
        missing += missing_trustees(threshold, signers(checks, usable), trustee_keys(root.body), t)
    return missing
