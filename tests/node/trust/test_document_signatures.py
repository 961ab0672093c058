"""Who could still sign, when the threshold is not met."""

import pytest
from msgspec import structs

from node.trust.document_signatures import missing_trustees
from node.trust.document_versions import ListedKey, trustee_keys
from schemas.avro.codec import sorted_set
from schemas.types import KeyReason
from tests.support.community import T0, root_body


def trustees(*compromised: str) -> tuple[ListedKey, ...]:
    """TR1, TR2 and TR3, some with a COMPROMISED key."""
    body = root_body()
    listed = [
        structs.replace(trustee, key=structs.replace(trustee.key, reason=KeyReason.COMPROMISED, until=T0))
        if trustee.id in compromised
        else trustee
        for trustee in body.trustees
    ]
    return trustee_keys(structs.replace(body, trustees=sorted_set(listed)))


@pytest.mark.parametrize(
    ("signed_by", "compromised", "missing"),
    [
        (set(), (), ["TR1", "TR2", "TR3"]),
        ({"TR2"}, (), ["TR1", "TR3"]),
        ({"TR1", "TR2"}, (), []),
        ({"TR1", "TR2", "TR3"}, (), []),
        ({"TR2"}, ("TR1",), ["TR3"]),
        ({"TR2"}, ("TR1", "TR3"), ["TR1", "TR3"]),
    ],
    ids=["without a signature", "one signed", "two signed", "all signed", "a lost key", "no usable key is left"],
)
def test_the_trustees_with_usable_keys_who_have_not_signed_are_missing(
    signed_by: set[str], compromised: tuple[str, ...], missing: list[str]
) -> None:
    """Without a usable key the answer names the other trustees: an empty answer would give the document effect."""
    assert missing_trustees(2, signed_by, trustees(*compromised), T0) == missing
