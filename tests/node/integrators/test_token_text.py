"""The text of a token: what is made can be read, and nothing else can."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from node.integrators.token_text import (
    ID_SIZE_BYTES,
    SECRET_SIZE_BYTES,
    PresentedToken,
    digest_of,
    is_secret_of,
    read_token,
    token_text,
)

ID, SECRET = bytes(range(ID_SIZE_BYTES)), bytes(range(SECRET_SIZE_BYTES))
TEXT = token_text(ID, SECRET)


def test_a_token_has_a_prefix_an_id_a_secret_and_a_checksum() -> None:
    """Scanners for secrets look for the prefix; the id may be shown."""
    presented = read_token(TEXT)

    assert TEXT.startswith("enlace_000102030405_0001020304")
    assert presented == PresentedToken(id="000102030405", secret=SECRET)
    assert SECRET.hex() not in repr(presented)


@given(st.integers(0, len(TEXT) - 1), st.sampled_from("0123456789abcdefg_ \n"))
def test_a_token_with_one_wrong_character_is_no_token(place: int, char: str) -> None:
    wrong = TEXT[:place] + char + TEXT[place + 1 :]
    assume(wrong != TEXT)

    assert read_token(wrong) is None


@pytest.mark.parametrize(
    "text", ["", "enlace_", TEXT[:-1], TEXT + "0", TEXT + "\n", TEXT.upper(), f" {TEXT}", "ü" * 92]
)
def test_a_text_of_another_form_is_no_token(text: str) -> None:
    assert read_token(text) is None


def test_a_secret_belongs_to_its_own_digest_only() -> None:
    """An id that is not known has no digest, and no secret belongs to it."""
    presented = PresentedToken(id="000102030405", secret=SECRET)

    assert is_secret_of(presented, digest_of("000102030405", SECRET))
    assert not is_secret_of(presented, digest_of("000102030405", bytes(32)))
    assert not is_secret_of(presented, digest_of("000102030406", SECRET))
    assert not is_secret_of(presented, None)
    assert not is_secret_of(presented, bytes(32))


@pytest.mark.parametrize(("token_id", "secret"), [(ID[1:], SECRET), (ID, SECRET[1:])])
def test_a_token_is_not_made_of_fewer_random_bytes(token_id: bytes, secret: bytes) -> None:
    with pytest.raises(ValueError, match="fixed sizes"):
        token_text(token_id, secret)
