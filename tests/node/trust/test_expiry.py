"""Warnings 30 days, 7 days and 1 day before documents and keys end, and keys that a stranger holds."""

import pytest
from msgspec import structs

from node.limits import DAY_MS
from node.sealing.private_keys import PrivateKeys
from node.trust.expiry import Ending, endings, foreign_keys, warnings
from schemas.types import DocumentKind, KeyUse
from tests.support.community import T0, YEAR, Community, document, keys_of, listed, node_body, root_body, signed
from tests.support.trust import changed_keys, node_version

END = T0 + YEAR
NOW = END - 20 * DAY_MS


@pytest.fixture
def two() -> Community:
    """BZ and GT with an agreement; everything ends after a year."""
    made = Community(["BZ", "GT"])
    made.agreement("BZ-GT", ["BZ", "GT"])
    return made


def subjects(community: Community, now: int = NOW) -> set[str]:
    return {ending.subject for ending in endings(community.governance, "BZ", now) if ending.ends_at <= END}


@pytest.mark.parametrize(
    ("left", "code", "days"),
    [
        (30 * DAY_MS + 1, None, None),
        (30 * DAY_MS, "expires_soon", 30),
        (7 * DAY_MS + 1, "expires_soon", 30),
        (7 * DAY_MS, "expires_soon", 7),
        (DAY_MS, "expires_soon", 1),
        (1, "expires_soon", 1),
        (0, "expired_document", 0),
    ],
)
def test_a_warning_comes_at_each_threshold(left: int, code: str | None, days: int | None) -> None:
    found = warnings([Ending(subject="NODE BZ", ends_at=END, essential=True)], END - left)

    assert [(warning.code, warning.days) for warning in found] == ([] if code is None else [(code, days)])


def test_what_is_not_essential_is_not_mentioned_after_its_end() -> None:
    """An agreement may end as its parties wanted."""
    assert warnings([Ending(subject="AGREEMENT X", ends_at=END)], END) == []


def test_documents_of_the_community_and_agreements_of_the_node_end(two: Community) -> None:
    two.agreement("GT", ["GT"])

    assert subjects(two) == {"ROOT", "NODE BZ", "NODE GT", "AGREEMENT BZ-GT"}


def test_what_has_a_successor_does_not_end(two: Community) -> None:
    """A ROOT and a NODE document of a later version, and an agreement that goes on."""
    governance = two.governance
    root = document(DocumentKind.ROOT, "ROOT", root_body(), governance, version=2, from_=NOW, until=END + YEAR)
    two.documents.append(signed(root, governance, "TR1", "TR2"))
    renewed = node_version(two, node_body(listed(keys_of("BZ"))), from_=NOW + DAY_MS, until=END + YEAR)
    two.documents.append(signed(renewed, two.governance, "TR1", "TR2"))
    two.agreement("BZ-GT", ["BZ", "GT"], version=2, from_=NOW + DAY_MS, until=END + YEAR)

    assert subjects(two) == {"NODE GT"}


def test_a_key_ends_unless_another_one_of_its_use_is_valid_then(two: Community) -> None:
    """Only keys of this node."""
    until = NOW + 3 * DAY_MS
    ended = node_body(changed_keys("BZ", KeyUse.SEAL, until=until))
    two.documents.append(signed(node_version(two, ended), two.governance, "TR1"))
    alone = subjects(two)
    newer = PrivateKeys.generate("BZ", (KeyUse.SEAL,))
    replaced = node_version(two, node_body([*ended.keys, *listed(newer)]), version=3)
    two.documents.append(signed(replaced, two.governance, "TR1", "TR2"))

    assert {subject for subject in alone if subject.startswith("key")} == {
        f"key SEAL {keys_of('BZ').newest(KeyUse.SEAL).key_id.hex()[:8]}"
    }
    assert len(two.governance.nodes["BZ"]) == 2


def test_a_key_in_my_name_that_my_home_does_not_hold_is_foreign(two: Community) -> None:
    """Until it ends. The own keys are not."""
    own = {key.key_id for key in keys_of("BZ").keys}
    stranger = structs.replace(listed(PrivateKeys.generate("BZ", (KeyUse.ENCRYPT,)))[0], until=NOW + 1)
    body = node_body([*listed(keys_of("BZ")), stranger])
    two.documents.append(signed(node_version(two, body), two.governance, "TR1", "TR2", "BZ"))
    governance = two.governance

    assert [key.public for key in foreign_keys(governance, "BZ", own.__contains__, NOW)] == [stranger.public]
    assert foreign_keys(governance, "BZ", own.__contains__, NOW + 1) == []
    assert foreign_keys(governance, "GT", lambda _: True, NOW) == []
