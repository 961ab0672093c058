"""Several NODE documents of one version, of which at least one only revokes keys, have effect together."""

from itertools import permutations

from msgspec import structs

from node.trust.governance import Governance, load_governance
from node.trust.signed_document import ParsedDocument
from schemas.types import KeyReason, KeyUse
from tests.support.community import STREAMS, T0, Community, keys_of, listed, node_body, signed
from tests.support.trust import changed_keys, node_version, problem, with_document

NOW = T0 + 1000


def revocation(bz: Community, use: KeyUse, until: int, reason: KeyReason) -> ParsedDocument:
    return node_version(bz, node_body(changed_keys("BZ", use, until=until, reason=reason)))


def state(governance: Governance, use: KeyUse) -> tuple[int | None, KeyReason]:
    [key] = governance.keys_of("BZ", use)
    return key.until, key.reason


def loaded(bz: Community, *documents: bytes) -> list[Governance]:
    """The governance with the documents in each order."""
    return [load_governance([*bz.documents, *order], bz.community) for order in permutations(documents)]


def test_two_revocations_of_one_version_count_together(bz: Community) -> None:
    """Two trustees answer one theft without knowing of each other. The node stays a member."""
    first = revocation(bz, KeyUse.SEAL, NOW, KeyReason.SUPERSEDED)
    second = revocation(bz, KeyUse.SEAL, NOW + 5, KeyReason.COMPROMISED)
    third = revocation(bz, KeyUse.AGREE, NOW, KeyReason.SUPERSEDED)
    signers = zip((first, second, third), ("TR1", "TR2", "TR3"), strict=True)
    for governance in loaded(bz, *(signed(draft, bz.governance, trustee) for draft, trustee in signers)):
        assert governance.problems == ()
        assert governance.node_valid("BZ", NOW)
        assert state(governance, KeyUse.SEAL) == (NOW, KeyReason.COMPROMISED)
        assert state(governance, KeyUse.AGREE) == (NOW, KeyReason.SUPERSEDED)
        assert state(governance, KeyUse.ENCRYPT) == (None, KeyReason.NONE)


def test_a_revocation_does_not_exclude_another_version_of_its_number(bz: Community) -> None:
    """One trustee alone must not take the effect from what the threshold signed. The other version is the document."""
    fewer = node_version(bz, node_body(listed(keys_of("BZ")), STREAMS[:-1]))
    revoked = revocation(bz, KeyUse.SEAL, NOW, KeyReason.COMPROMISED)
    other, alone = signed(fewer, bz.governance, "TR1", "TR2"), signed(revoked, bz.governance, "TR3")
    for governance in loaded(bz, other, alone):
        applies = governance.node_at("BZ", fewer.document.from_)

        assert governance.problems == ()
        assert applies is not None
        assert applies.hash == fewer.hash
        assert state(governance, KeyUse.SEAL) == (NOW, KeyReason.COMPROMISED)


def test_the_next_version_keeps_what_every_revocation_says(bz: Community) -> None:
    """It names one of them, and must not make a key of another one valid again."""
    drafts = [revocation(bz, use, NOW, KeyReason.COMPROMISED) for use in (KeyUse.SEAL, KeyUse.AGREE)]
    bz.documents += [signed(draft, bz.governance, "TR1") for draft in drafts]
    seal = changed_keys("BZ", KeyUse.SEAL, until=NOW, reason=KeyReason.COMPROMISED)
    forgets = node_version(bz, node_body(seal), version=3)
    both = [
        structs.replace(key, until=NOW, reason=KeyReason.COMPROMISED) if key.use is KeyUse.AGREE else key
        for key in seal
    ]
    keeps = node_version(bz, node_body(both), version=3)

    assert problem(with_document(bz, forgets, "TR1", "TR2")).error.code == "keys_changed"
    assert len(with_document(bz, keeps, "TR1", "TR2").nodes["BZ"]) == 4
